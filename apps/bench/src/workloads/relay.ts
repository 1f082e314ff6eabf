import { direct } from '../contenders/direct.ts'
import { relayedMesh, whyNoMiddle } from '../contenders/relayed.ts'
import { sshJump } from '../contenders/ssh-jump.ts'
import { whyMissing } from '../program.ts'
import { runIperf, serveIperf } from './iperf.ts'
import { endOf, numberOf, runProgram, serveProgram, together } from './service.ts'
import { rate } from './stream.ts'
import type { Metric, Workload } from './workload.ts'

const delay: Metric = { unit: 'ms', isHigherBetter: false }

/** Two sides that reach each other through a third host alone; plain TCP has its cable. */
export const relay: Workload = {
  name: 'relay',
  describe: 'one TCP stream and 64-byte requests by way of a third host: a member that relays, or ssh -J',
  contenders: [direct, sshJump, relayedMesh],
  metrics: { up: rate, down: rate, p50: delay, p99: { ...delay, isUneven: true } },
  missing: (place) => whyNoMiddle(place) ?? whyMissing('iperf3'),
  serve: async (place) => together([await serveProgram(place, 'echo-server'), await serveIperf(place)]),
  turn: async (place, { ends }, seconds) => {
    const said = await runProgram(place, 'ask', endOf(ends), String(seconds))
    const up = await runIperf(place, endOf(ends, 1), { streams: 1, seconds, direction: 'up' })
    const down = await runIperf(place, endOf(ends, 1), { streams: 1, seconds, direction: 'down' })
    const [p50, p99] = [numberOf(said, 'p50Ms'), numberOf(said, 'p99Ms')]
    return { figures: { up: up.bitsPerSecond, down: down.bitsPerSecond, p50, p99 }, bytes: up.bytes + down.bytes }
  }
}
