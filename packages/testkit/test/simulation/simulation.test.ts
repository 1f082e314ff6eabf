import { describe, expect, it } from 'vitest'
import {
  detectionTimesMs,
  disagreements,
  EventQueue,
  falseDeaths,
  flaps,
  quantile,
  scenarios,
  simulate,
  type Change
} from '@agent-mesh/testkit/simulation'
import { seededRandom } from '@agent-mesh/testkit'

const named = Object.entries(scenarios)

describe('a simulation', () => {
  it.each(named)('%s: the same seed gives the same trace, another seed another', (_name, make) => {
    const run = (seed: number): string => simulate(make({ nodes: 12, durationMs: 60_000 }), seed).trace.hash
    expect(run(7)).toBe(run(7))
    expect(run(7)).not.toBe(run(8))
  })

  it('finds a killed node and nobody else', () => {
    const outcome = simulate(scenarios.killed({ nodes: 20 }), 3)
    expect(detectionTimesMs(outcome)).toHaveLength(19)
    expect(quantile(detectionTimesMs(outcome), 1)).toBeLessThan(30_000)
    expect(falseDeaths(outcome)).toEqual([])
  })

  it('fails where a detector is blind: nobody finds a crash without probes', () => {
    const blind = { ...scenarios.silent({ nodes: 20 }).settings, probeIntervalMs: 1e9 }
    expect(detectionTimesMs(simulate(scenarios.silent({ nodes: 20, settings: blind }), 3))).toContain(Infinity)
  })

  it('shows the goodbye of one as left, everywhere', () => {
    const { view, running } = simulate(scenarios.leaving({ nodes: 20 }), 3)
    expect(running).toHaveLength(19)
    expect(running.map((node) => view(node, 0)?.state)).toEqual(running.map(() => 'left'))
  })

  it('a slanderer kills nobody, and is not heard for long', () => {
    const outcome = simulate(scenarios.slander({ nodes: 20 }), 3)
    expect(outcome.trace.changes.filter(({ to }) => to === 'dead')).toEqual([])
    expect(disagreements(outcome)).toEqual([])
    const suspected = outcome.trace.changes.filter(({ to, observer }) => to === 'suspect' && observer === 5)
    expect(suspected.length).toBeGreaterThan(0)
    expect(suspected.length, 'of 480 claims').toBeLessThan(20)
  })
})

it('events come by time, and of one moment in the order in which they were added', () => {
  const random = seededRandom(5)
  const queue = new EventQueue<number>()
  const times = Array.from({ length: 500 }, () => random.integer(0, 50))
  for (const [at, timeMs] of times.entries()) queue.add(timeMs, at)
  const taken = times.map(() => queue.take() ?? -1)
  expect(taken).toEqual([...times.keys()].toSorted((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b))
  expect(queue.take()).toBeUndefined()
})

const change = (from: Change['to'], to: Change['to']): Change => ({
  atMs: 0,
  observer: 0,
  subject: 1,
  from,
  to,
  isAsymmetric: false,
  reason: ''
})

it('a state that comes back flaps', () => {
  expect(flaps([change('alive', 'suspect'), change('suspect', 'dead')])).toBe(0)
  expect(flaps([change('alive', 'suspect'), change('suspect', 'alive'), change('alive', 'suspect')])).toBe(2)
})
