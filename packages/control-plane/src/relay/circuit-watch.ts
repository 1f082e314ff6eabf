import { limits } from '@agent-mesh/wire'
import { circuitMeter, type CircuitMeter } from './circuit-meter.ts'
import type { Connection } from '@libp2p/interface'

export interface CircuitWatchInit {
  /** Little is left of what was enough once: the time to open another one. */
  onLow: (connection: Connection, meter: CircuitMeter) => void
  /** What it may carry is used up: tunnels have to be told. It is closed a second later. */
  onSpent: (connection: Connection, meter: CircuitMeter) => void
}

/** Long enough for the last words to pass a carrier that drops what it holds when one side closes. */
const lastWordsMs = limits.carrierReserveMs / 2
/** Node fires a longer timer at once. */
const longestMs = 2 ** 31 - 1

/** Follows a connection through a carrier to its end; every other connection is left alone. */
export const watchCircuit = (connection: Connection, { onLow, onSpent }: CircuitWatchInit): void => {
  const meter = circuitMeter(connection)
  if (meter === undefined) return
  let state: 'well' | 'low' | 'spent' = meter.isLow ? 'low' : 'well'
  let timer: NodeJS.Timeout | undefined

  const arm = (): void => {
    clearTimeout(timer)
    const inMs = state === 'well' ? meter.lowInMs : meter.leftMs
    if (inMs !== Infinity) timer = setTimeout(look, Math.min(longestMs, Math.max(1, Math.ceil(inMs)))).unref()
  }
  const end = (): void => {
    connection.close({ signal: AbortSignal.timeout(lastWordsMs) }).catch((err: Error) => connection.abort(err))
  }
  const look = (): void => {
    if (state === 'spent' || connection.status !== 'open') return
    if (meter.isSpent) {
      state = 'spent'
      clearTimeout(timer)
      onSpent(connection, meter)
      timer = setTimeout(end, lastWordsMs).unref()
      return
    }
    if (state === 'well' && meter.isLow) {
      state = 'low'
      onLow(connection, meter)
    }
    arm()
  }
  let isDue = false
  // after the bytes that it is told of: they are being sent
  meter.watch(() => {
    if (isDue) return
    isDue = true
    queueMicrotask(() => {
      isDue = false
      if (state === 'spent' || !(meter.isSpent || (state === 'well' && meter.isLow))) return
      look()
    })
  })
  connection.addEventListener(
    'close',
    () => {
      clearTimeout(timer)
      meter.watch(() => {})
    },
    { once: true }
  )
  look()
}
