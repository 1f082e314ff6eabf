/**
 * A signal that follows another one until it is released. A transport keeps the signal of a dial on the socket, so the
 * end of the race or of the time would cut the connection that won.
 */
export const createLeash = (follow: AbortSignal): { signal: AbortSignal; release: () => void } => {
  const controller = new AbortController()
  const pull = (): void => controller.abort(follow.reason)
  if (follow.aborted) pull()
  else follow.addEventListener('abort', pull, { once: true })
  return { signal: controller.signal, release: () => follow.removeEventListener('abort', pull) }
}
