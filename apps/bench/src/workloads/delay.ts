import { finish, whyMissing } from '../program.ts'
import { rate, stream } from './stream.ts'
import type { Place } from '../place/place.ts'
import type { Workload } from './workload.ts'

const queue = 'dev cable root netem'

const setDelay = async ({ near, far }: Place, isOn: boolean): Promise<void> => {
  for (const side of [near, far]) {
    const args = isOn ? `qdisc replace ${queue} delay 20ms limit 100000` : `qdisc del ${queue}`
    await finish(side, 'tc', ...args.split(' '))
  }
}

/** One stream with a round trip of 40 ms. */
export const delayed: Workload = {
  name: 'delay',
  describe: 'one TCP stream at a round trip of 40 ms (netem)',
  metrics: { up: rate, down: rate },
  missing: async (place) => {
    if (place.kind !== 'namespaces') return 'packets can be delayed between namespaces only'
    const program = whyMissing('iperf3', 'tc')
    if (program !== undefined) return program
    try {
      await setDelay(place, true)
      await setDelay(place, false)
      return undefined
    } catch {
      return 'this kernel has no netem'
    }
  },
  serve: stream.serve,
  turn: async (place, path, seconds) => {
    await setDelay(place, true)
    try {
      return await stream.turn(place, path, seconds)
    } finally {
      await setDelay(place, false)
    }
  }
}
