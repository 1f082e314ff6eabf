import { whyMissing } from '../program.ts'
import { runIperf, serveIperf } from './iperf.ts'
import { endOf, numberOf, runProgram, serveProgram, together } from './service.ts'
import type { Workload } from './workload.ts'

/** Seconds that a bulk stream runs before and after the requests are counted. */
const marginSeconds = 1

/** What a bulk transfer does to requests that go the same way. */
export const besideBulk: Workload = {
  name: 'beside-bulk',
  describe: 'p99 of 64-byte requests, alone and beside one bulk stream the same way',
  metrics: {
    idle: { unit: 'ms', isHigherBetter: false },
    beside: { unit: 'ms', isHigherBetter: false, isUneven: true },
    'of idle': { unit: 'times', isHigherBetter: false, isUneven: true }
  },
  missing: () => whyMissing('iperf3'),
  serve: async (place) => together([await serveProgram(place, 'echo-server'), await serveIperf(place)]),
  turn: async (place, { ends }, seconds) => {
    const ask = async (): Promise<number> =>
      numberOf(await runProgram(place, 'ask', endOf(ends), String(seconds)), 'p99Ms')
    const idle = await ask()
    const bulk = runIperf(place, endOf(ends, 1), {
      streams: 1,
      seconds: seconds + 2 * marginSeconds,
      direction: 'up'
    })
    const [beside] = await Promise.all([ask(), bulk])
    return { figures: { idle, beside, 'of idle': beside / idle }, bytes: 0 }
  }
}
