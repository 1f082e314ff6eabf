import { whyMissing } from '../program.ts'
import { rate, stream } from './stream.ts'
import type { Workload } from './workload.ts'

/** One stream with a round trip of 40 ms. */
export const delayed: Workload = {
  name: 'delay',
  describe: 'one TCP stream at a round trip of 40 ms',
  metrics: { up: rate, down: rate },
  missing: (place) => place.whyNoDelay() ?? whyMissing('iperf3'),
  serve: stream.serve,
  turn: async (place, path, seconds) => {
    await place.delay(20)
    try {
      return await stream.turn(place, path, seconds)
    } finally {
      await place.delay(0)
    }
  }
}
