import { finish, whyMissing } from '../program.ts'
import { rate, stream } from './stream.ts'
import type { Place, Side } from '../place/place.ts'
import type { Workload } from './workload.ts'

const onePercent = `table inet bench-loss {
  chain arriving {
    type filter hook prerouting priority -300;
    iifname "cable" numgen random mod 100 == 0 drop
  }
}`

const setLoss = async ({ near, far }: Place, isOn: boolean): Promise<void> => {
  const of = async (side: Side): Promise<unknown> =>
    isOn
      ? finish(side, 'nft', onePercent)
      : finish(side, 'nft', 'delete', 'table', 'inet', 'bench-loss').catch(() => undefined)
  await of(near)
  await of(far)
}

/** One stream where one packet of a hundred is dropped as it arrives, at random, by nft on both sides. */
export const loss: Workload = {
  name: 'loss',
  describe: 'one TCP stream while 1 % of the packets are dropped each way (nft)',
  metrics: { up: rate, down: rate },
  missing: ({ kind }) =>
    kind === 'namespaces' ? whyMissing('iperf3', 'nft') : 'packets can be dropped between namespaces only',
  serve: stream.serve,
  turn: async (place, path, seconds) => {
    await setLoss(place, true)
    try {
      return await stream.turn(place, path, seconds)
    } finally {
      await setLoss(place, false)
    }
  }
}
