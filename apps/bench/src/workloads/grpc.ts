import { endOf, numberOf, runProgram, serveProgram } from './service.ts'
import type { Metric, Workload } from './workload.ts'

const delay: Metric = { unit: 'ms', isHigherBetter: false }

/** Unary calls between grpc-js and grpc-js on one connection, 64 bytes each way. */
export const grpc: Workload = {
  name: 'grpc',
  describe: 'gRPC unary of 64 bytes on one connection: one at a time, then 32 at once',
  metrics: {
    p50: delay,
    p99: { ...delay, isUneven: true },
    '32 at once': { unit: '1/s', isHigherBetter: true }
  },
  missing: () => undefined,
  serve: async (place) => serveProgram(place, 'grpc-server'),
  turn: async (place, { ends }, seconds) => {
    const said = await runProgram(place, 'grpc-ask', endOf(ends), String(seconds))
    return {
      figures: {
        p50: numberOf(said, 'p50Ms'),
        p99: numberOf(said, 'p99Ms'),
        '32 at once': numberOf(said, 'perSecond')
      },
      bytes: 0
    }
  }
}
