/**
 * Runs failure detectors on a virtual clock and prints what they saw:
 *
 *   npm run simulate                                  lists the scenarios
 *   npm run simulate -- killed --seed 7 --nodes 1000  runs one
 *   npm run simulate -- partition --seeds 20          runs one with 20 seeds, from --seed on
 *   npm run simulate -- killed --trace                prints every change of a state
 *
 * The same seed gives the same hash, which covers every message.
 */
import { parseArgs } from 'node:util'
import {
  costOf,
  detectionTimesMs,
  disagreements,
  falseDeaths,
  falseSuspicions,
  quantile,
  scenarios,
  simulate,
  type Outcome
} from '@agent-mesh/testkit/simulation'

const seconds = (ms: number): string => (Number.isNaN(ms) ? '-' : `${(ms / 1_000).toFixed(2)} s`)

const row = (outcome: Outcome): Record<string, string | number> => {
  const times = detectionTimesMs(outcome)
  const cost = costOf(outcome)
  return {
    seed: outcome.seed,
    hash: outcome.trace.hash,
    'detected p50': seconds(quantile(times, 0.5)),
    'detected p99': seconds(quantile(times, 0.99)),
    'false suspicions': falseSuspicions(outcome).length,
    'false deaths': falseDeaths(outcome).length,
    'not alive in the end': disagreements(outcome).length,
    'messages/node/s': cost.messagesPerNodeSecond.toFixed(2),
    'bytes/node/s': cost.bytesPerNodeSecond.toFixed(0),
    'digest bytes/node/s': cost.digestBytesPerNodeSecond.toFixed(0)
  }
}

const printTrace = ({ trace }: Outcome): void => {
  for (const { atMs, observer, subject, from, to, isAsymmetric, reason } of trace.changes) {
    const what = `n${observer} holds n${subject} ${to}${isAsymmetric ? ' (asymmetric)' : ''}, before ${from ?? 'unknown'}`
    console.log(`${(atMs / 1_000).toFixed(3).padStart(9)} s  ${what}: ${reason}`)
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: process.env['MESH_SEED'] ?? '1' },
    seeds: { type: 'string', default: '1' },
    nodes: { type: 'string', default: '50' },
    trace: { type: 'boolean', default: false }
  }
})
const [name = ''] = positionals
const chosen = Object.entries(scenarios).find(([known]) => known === name)?.[1]
const [seed, seeds, nodes] = [values.seed, values.seeds, values.nodes].map(Number)
const isUsable = [seed, seeds, nodes].every((number) => Number.isSafeInteger(number)) && (nodes ?? 0) >= 3

if (chosen === undefined || !isUsable) {
  if (name !== '') {
    const what =
      chosen === undefined ? `No scenario is called ${name}.` : 'Seeds and nodes are whole numbers; nodes from 3.'
    console.error(what)
    process.exitCode = 2
  }
  for (const [known, make] of Object.entries(scenarios)) console.log(`${known.padEnd(10)} ${make().about}`)
} else {
  const rows: Array<Record<string, string | number>> = []
  for (let one = seed ?? 1; one < (seed ?? 1) + (seeds ?? 1); one++) {
    const outcome = simulate(chosen({ nodes: nodes ?? 50 }), one)
    if (values.trace) printTrace(outcome)
    rows.push(row(outcome))
  }
  console.table(rows)
}
