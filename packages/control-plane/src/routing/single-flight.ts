import { setMaxListeners } from 'node:events'
import { abortedError } from '../discovery/deadline.ts'

interface Flight<V> {
  promise: Promise<V>
  callers: number
  abort: AbortController
}

/** Runs one task per key at a time; whoever asks meanwhile shares its outcome. */
export interface SingleFlight<V> {
  /** The task ends early only when the last caller has given up. */
  run: (key: string, signal: AbortSignal, task: (signal: AbortSignal) => Promise<V>) => Promise<V>
}

export const createSingleFlight = <V>(what: string): SingleFlight<V> => {
  const flights = new Map<string, Flight<V>>()
  const start = (key: string, task: (signal: AbortSignal) => Promise<V>): Flight<V> => {
    const abort = new AbortController()
    setMaxListeners(0, abort.signal)
    const flight: Flight<V> = { promise: task(abort.signal), callers: 0, abort }
    const forget = (): void => {
      if (flights.get(key) === flight) flights.delete(key)
    }
    flight.promise.then(forget, forget)
    flights.set(key, flight)
    return flight
  }
  return {
    run: async (key, signal, task) => {
      if (signal.aborted) throw abortedError(signal, what)
      const flight = flights.get(key) ?? start(key, task)
      flight.callers++
      const { promise, reject } = Promise.withResolvers<never>()
      const leave = (): void => reject(abortedError(signal, what))
      signal.addEventListener('abort', leave, { once: true })
      try {
        return await Promise.race([flight.promise, promise])
      } finally {
        signal.removeEventListener('abort', leave)
        if (--flight.callers === 0) {
          if (flights.get(key) === flight) flights.delete(key)
          flight.abort.abort(signal.reason)
        }
      }
    }
  }
}
