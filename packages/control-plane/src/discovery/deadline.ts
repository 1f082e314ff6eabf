import { setMaxListeners } from 'node:events'
import { MeshError } from '@agent-mesh/wire'

/**
 * Node keeps the sources of a combined signal only while somebody listens to it; without this, a signal that is only
 * looked at never fires once its timer was collected.
 */
const sources = new WeakMap<AbortSignal, AbortSignal[]>()

/**
 * A signal that fires with the first of the given ones. Lookups hang many listeners on one signal, so the warning of
 * Node about that is off for it.
 */
export const firstOf = (...signals: Array<AbortSignal | undefined>): AbortSignal => {
  const all = signals.filter((signal) => signal !== undefined)
  const signal = AbortSignal.any(all)
  sources.set(signal, all)
  setMaxListeners(0, signal)
  return signal
}

/** A signal that fires with the first of the given ones, or after `ms`; what was measured need not be whole. */
export const deadline = (ms: number, ...signals: Array<AbortSignal | undefined>): AbortSignal =>
  firstOf(AbortSignal.timeout(Math.ceil(ms)), ...signals)

/** What an aborted signal means for a person: TIMEOUT after a deadline, CANCELLED where the caller gave up. */
export const abortedError = (signal: AbortSignal, what: string): MeshError => {
  const { reason } = signal
  if (reason instanceof MeshError) return reason
  if (reason instanceof Error && reason.name === 'TimeoutError')
    return new MeshError('TIMEOUT', `${what} took longer than it may.`, { cause: reason })
  return new MeshError('CANCELLED', `${what} was given up by the caller.`, { cause: reason })
}
