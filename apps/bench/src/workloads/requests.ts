import { endOf, numberOf, runProgram, serveProgram } from './service.ts'
import type { Metric, Workload } from './workload.ts'

const delay: Metric = { unit: 'ms', isHigherBetter: false }

/** 64 bytes there and back, one after the other on one connection. */
export const requests: Workload = {
  name: 'requests',
  describe: 'request and response of 64 bytes, one at a time on one connection',
  metrics: { p50: delay, p99: { ...delay, isUneven: true } },
  missing: () => undefined,
  serve: async (place) => serveProgram(place, 'echo-server'),
  turn: async (place, { ends }, seconds) => {
    const said = await runProgram(place, 'ask', endOf(ends), String(seconds))
    return { figures: { p50: numberOf(said, 'p50Ms'), p99: numberOf(said, 'p99Ms') }, bytes: 0 }
  }
}
