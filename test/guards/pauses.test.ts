import { expect, test } from 'vitest'
import {
  defaults,
  disagreements,
  falseDeaths,
  falseSuspicions,
  refutationTimesMs,
  scenarios,
  simulate,
  type Outcome
} from '@agent-mesh/testkit/simulation'
import { seed } from '@agent-mesh/testkit/mutations'
import { inForm } from './harness/form.ts'

/**
 * Processes stand still and go on: healthy nodes never die, and who was paused refutes within 5 s. Where nodes get too
 * little CPU, the local-health multiplier saves at least two of three false suspicions.
 */
const seeds = inForm({ short: 6, full: 200 })

const runs = (make: (one: number) => Outcome): Outcome[] => Array.from({ length: seeds }, (_, at) => make(seed + at))

const pauses = [5_000, 20_000].flatMap((forMs) => [1, 5, 15].map((paused) => ({ paused, forMs })))

// SIGSTOP and an event loop that is blocked are the same to a detector: no timer fires, nothing is read. Deaf ones lost
// what came meanwhile, as where their connections broke and were made anew.
test.each(pauses.flatMap((pause) => [false, true].map((isDeaf) => ({ ...pause, isDeaf }))))(
  '$paused of 50 stand still for $forMs ms, deaf: $isDeaf',
  ({ paused, forMs, isDeaf }) => {
    const outcomes = runs((one) => simulate(scenarios.paused({ paused, forMs, isDeaf }), one))
    const times = outcomes.flatMap(refutationTimesMs)
    console.log(`${times.length} had to refute, the slowest took ${Math.max(...times)} ms`)
    expect(outcomes.flatMap(falseDeaths)).toEqual([])
    expect(times.length).toBeGreaterThan(0)
    expect(Math.max(...times)).toBeLessThanOrEqual(5_000)
    expect(outcomes.flatMap(disagreements)).toEqual([])
  }
)

test.each([5, 15])('%i of 50 starve for CPU: the local-health multiplier tells', (starved) => {
  const trusting = { ...defaults.settings, maxLocalHealth: 0 }
  const doubting = runs((one) => simulate(scenarios.starved({ starved }), one))
  const without = runs((one) => simulate(scenarios.starved({ starved, settings: trusting }), one))
  const [few, many] = [doubting, without].map((outcomes) => outcomes.flatMap(falseSuspicions).length)
  console.log(`${few} false suspicions with the multiplier, ${many} without, seeds ${seed} to ${seed + seeds - 1}`)
  expect(doubting.flatMap(falseDeaths)).toEqual([])
  expect(many).toBeGreaterThan(0)
  expect(many).toBeGreaterThanOrEqual(3 * (few ?? Infinity))
})
