import { endOf, numberOf, runProgram, serveProgram } from './service.ts'
import type { Workload } from './workload.ts'

/** How many connections a second are opened, used for one byte each way and closed, 32 at a time. */
export const shortTunnels: Workload = {
  name: 'short-tunnels',
  describe: 'connections opened, used for a byte each way and closed, 32 at a time',
  metrics: { rate: { unit: '1/s', isHigherBetter: true }, p99: { unit: 'ms', isHigherBetter: false, isUneven: true } },
  missing: () => undefined,
  serve: async (place) => serveProgram(place, 'echo-server'),
  turn: async (place, { ends }, seconds) => {
    const said = await runProgram(place, 'open-tunnels', endOf(ends), String(seconds))
    const errors = numberOf(said, 'errors')
    if (errors > 0) throw new Error(`${errors} connections failed`)
    return { figures: { rate: numberOf(said, 'tunnels') / seconds, p99: numberOf(said, 'p99Ms') }, bytes: 0 }
  }
}
