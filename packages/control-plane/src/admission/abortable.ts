/** The outcome, or the reason of the signal where that comes first. */
export const abortable = async <T>(outcome: Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  if (signal === undefined) return outcome
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  return Promise.race([aborted.promise, outcome]).finally(() => signal.removeEventListener('abort', onAbort))
}
