import { MeshError } from '@agent-mesh/wire'

/** What a signal was aborted for, as a MeshError; CANCELLED where it does not say. */
const abortReason = (signal: AbortSignal): MeshError =>
  signal.reason instanceof MeshError
    ? signal.reason
    : new MeshError('CANCELLED', 'The caller gave up.', { cause: signal.reason })

/**
 * Runs work under a deadline and, where given, a caller's signal. Ends when either does, even if the work ignores its
 * signal; what the work yields after that goes to `onLate`.
 * @throws MeshError what `expired` makes, CANCELLED, or what the work throws
 */
export const withDeadline = async <T>(
  options: { ms: number; signal?: AbortSignal | undefined; expired: () => MeshError; onLate?: (result: T) => void },
  work: (signal: AbortSignal) => Promise<T>
): Promise<T> => {
  const controller = new AbortController()
  const { promise: given, reject: giveUp } = Promise.withResolvers<never>()
  const stop = (reason: MeshError): void => {
    giveUp(reason)
    controller.abort(reason)
  }
  const onAbort = (): void => {
    if (options.signal !== undefined) stop(abortReason(options.signal))
  }
  const timer = setTimeout(() => stop(options.expired()), options.ms)
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted === true) onAbort()
  const { signal } = controller
  try {
    const running = signal.aborted ? Promise.reject<T>(abortReason(signal)) : work(signal)
    void takeLate(running, signal, options.onLate)
    return await Promise.race([running, given])
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', onAbort)
    given.catch(() => {})
  }
}

const takeLate = async <T>(
  running: Promise<T>,
  signal: AbortSignal,
  onLate: ((result: T) => void) | undefined
): Promise<void> => {
  try {
    const result = await running
    if (signal.aborted) onLate?.(result)
  } catch {
    // Whoever still waits is told by the race.
  }
}

/**
 * Waits for what comes by itself, under a deadline and, where given, a caller's signal. As {@link withDeadline} for work
 * that takes no signal, and cheaper: every tunnel waits so.
 * @throws MeshError what `expired` makes, CANCELLED, or what the promise rejects with
 */
export const within = async <T>(
  promise: Promise<T>,
  { ms, signal, expired }: { ms: number; signal?: AbortSignal | undefined; expired: () => MeshError }
): Promise<T> =>
  new Promise((resolve, reject) => {
    const onAbort = (): void => {
      if (signal !== undefined) settle(() => reject(abortReason(signal)))
    }
    const timer = setTimeout(() => settle(() => reject(expired())), ms)
    const settle = (end: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      end()
    }
    if (signal?.aborted === true) return onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    promise.then(
      (value) => settle(() => resolve(value)),
      (err: unknown) => settle(() => reject(err))
    )
  })
