import { expect, test } from 'vitest'
import {
  costOf,
  disagreements,
  falseDeaths,
  falseSuspicions,
  scenarios,
  simulate
} from '@agent-mesh/testkit/simulation'
import { seed } from '@agent-mesh/testkit/mutations'
import { inForm } from './harness/form.ts'

/**
 * While nothing is wrong nobody is held dead: 30 minutes of virtual time, with good links and with a tenth of all segments
 * lost. What the detector sends stays the same per node from 20 to 1,000 nodes.
 */
const seeds = inForm({ short: 3, full: 50 })

test.each(Array.from({ length: seeds }, (_, at) => seed + at))(
  'seed %i: 50 nodes, 30 minutes, nothing wrong',
  (one) => {
    const outcome = simulate(scenarios.quiet(), one)
    expect(falseDeaths(outcome)).toEqual([])
    expect(falseSuspicions(outcome)).toEqual([])
    expect(disagreements(outcome)).toEqual([])
  }
)

test.each(Array.from({ length: seeds }, (_, at) => seed + at))('seed %i: a tenth of all segments lost', (one) => {
  const outcome = simulate(scenarios.lossy({ durationMs: inForm({ short: 5, full: 30 }) * 60_000 }), one)
  console.log(`seed ${one}: ${falseSuspicions(outcome).length} views of a healthy node as suspect`)
  expect(falseDeaths(outcome)).toEqual([])
})

test('what the detector sends per node does not grow with the mesh', () => {
  const sizes = [20, 100, inForm({ short: 300, full: 1_000 })]
  const costs = sizes.map((nodes) => costOf(simulate(scenarios.quiet({ nodes, durationMs: 60_000 }), seed)))
  for (const [at, { messagesPerNodeSecond, bytesPerNodeSecond }] of costs.entries())
    console.log(
      `${sizes[at]} nodes: ${messagesPerNodeSecond.toFixed(2)} messages, ${bytesPerNodeSecond.toFixed(0)} bytes`
    )
  for (const key of ['messagesPerNodeSecond', 'bytesPerNodeSecond'] as const) {
    const values = costs.map((cost) => cost[key])
    expect(Math.max(...values) / Math.min(...values), key).toBeLessThan(1.25)
  }
})
