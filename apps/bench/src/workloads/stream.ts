import { whyMissing } from '../program.ts'
import { runIperf, serveIperf } from './iperf.ts'
import { endOf } from './service.ts'
import type { Metric, Workload } from './workload.ts'

export const rate: Metric = { unit: 'bit/s', isHigherBetter: true }

const streamsOf = (count: number, name: string, describe: string): Workload => ({
  name,
  describe,
  metrics: { up: rate, down: rate },
  missing: () => whyMissing('iperf3'),
  serve: serveIperf,
  turn: async (place, { ends }, seconds) => {
    const up = await runIperf(place, endOf(ends), { streams: count, seconds, direction: 'up' })
    const down = await runIperf(place, endOf(ends), { streams: count, seconds, direction: 'down' })
    return { figures: { up: up.bitsPerSecond, down: down.bitsPerSecond }, bytes: up.bytes + down.bytes }
  }
})

/** One TCP connection between two unmodified programs. */
export const stream = streamsOf(1, 'stream', 'one TCP stream, iperf3')

/** Eight at once; the sum of them. */
export const streams = streamsOf(8, 'streams', 'eight TCP streams, iperf3')
