import { setMaxListeners } from 'node:events'
import { MeshError } from '@agent-mesh/wire'

/**
 * A signal that fires with the first of the given ones, or after `ms`. Lookups hang many listeners on one signal, so
 * the warning of Node about that is off for it.
 */
export const deadline = (ms: number, ...signals: Array<AbortSignal | undefined>): AbortSignal => {
  const given = signals.filter((signal) => signal !== undefined)
  const signal = AbortSignal.any([AbortSignal.timeout(ms), ...given])
  setMaxListeners(0, signal)
  return signal
}

/** What an aborted signal means for a person: TIMEOUT after a deadline, CANCELLED where the caller gave up. */
export const abortedError = (signal: AbortSignal, what: string): MeshError => {
  const { reason } = signal
  if (reason instanceof MeshError) return reason
  if (reason instanceof Error && reason.name === 'TimeoutError')
    return new MeshError('TIMEOUT', `${what} took longer than it may.`, { cause: reason })
  return new MeshError('CANCELLED', `${what} was given up by the caller.`, { cause: reason })
}

/** Resolves with the promise, or rejects when the signal fires first; the promise goes on by itself. */
export const raceSignal = async <T>(promise: Promise<T>, signal: AbortSignal, what: string): Promise<T> => {
  if (signal.aborted) throw abortedError(signal, what)
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(abortedError(signal, what))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
