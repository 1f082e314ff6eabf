import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InFlight } from '../../src/picker/in-flight.ts'
import { pick, type Choice, type Pickable } from '../../src/picker/pick.ts'

/** mulberry32; the same numbers for the same seed. */
const seeded = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const seed = Number(process.env['MESH_SEED'] ?? 20_261_122)
const random = seeded(seed)

const candidate = (key: string, more: Partial<Pickable> = {}): Pickable => ({
  key,
  tier: 0,
  isGood: true,
  weight: 1,
  busy: 0,
  ...more
})

const first = (candidates: Pickable[], choice: Choice): string => pick(candidates, choice, random)[0]?.key ?? ''

/** Standard deviations that a share may be off: one run in a hundred thousand is. */
const sigmas = 4.5

const expectShare = (count: number, runs: number, share: number): void => {
  expect(Math.abs(count - runs * share), `${count} of ${runs}, seed ${seed}`).toBeLessThan(
    sigmas * Math.sqrt(runs * share * (1 - share))
  )
}

const choices: Choice[] = [{ by: 'two-choices' }, { by: 'least-loaded' }, { by: 'sticky', key: 'session 1' }]

const arbitrary = fc
  .uniqueArray(
    fc.record({
      key: fc.string({ minLength: 1, maxLength: 3 }),
      tier: fc.integer({ min: 0, max: 2 }),
      isGood: fc.boolean(),
      weight: fc.integer({ min: 1, max: 5 }),
      busy: fc.integer({ min: 0, max: 4 })
    }),
    { selector: ({ key }) => key, minLength: 1, maxLength: 8 }
  )
  .map((all) => all.toSorted((a, b) => a.tier - b.tier))

describe('whatever the choice', () => {
  it('every candidate comes out once, and never one of a lower tier before a better one', () => {
    fc.assert(
      fc.property(arbitrary, fc.constantFrom(...choices), fc.nat(), (all, choice, from) => {
        const picked = pick(all, choice, seeded(from))
        expect(new Set(picked)).toEqual(new Set(all))
        expect(picked).toHaveLength(all.length)
        if (choice.by === 'sticky') return
        expect(picked.map(({ tier }) => tier)).toEqual(all.map(({ tier }) => tier))
      })
    )
  })

  it('nobody is no choice', () => {
    for (const choice of choices) expect(pick([], choice, random)).toEqual([])
  })
})

describe('two choices, and the least loaded', () => {
  it.each(['two-choices', 'least-loaded'] as const)('%s: the idle one of equals wins, always', (by) => {
    fc.assert(
      fc.property(arbitrary, fc.nat(), (all, from) => {
        const equals = all.filter(({ tier }) => tier === all[0]?.tier)
        const [picked] = pick(all, { by }, seeded(from))
        if (equals.some(({ busy }) => busy === 0)) expect(picked?.busy).toBe(0)
      }),
      { numRuns: 2_000 }
    )
  })

  it('two choices never take the most loaded of three or more', () => {
    fc.assert(
      fc.property(fc.nat(), (from) => {
        const loads = [3, 5, 9].map((busy, i) => candidate(String(i), { busy }))
        expect(pick(loads, { by: 'two-choices' }, seeded(from))[0]?.busy).not.toBe(9)
      })
    )
  })

  it('idle ones get shares by their weights', () => {
    const weights = { a: 5, b: 3, c: 1 }
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 }
    const runs = 9_000
    const all = Object.entries(weights).map(([key, weight]) => candidate(key, { weight }))
    for (let i = 0; i < runs; i++) {
      const key = first(all, { by: 'two-choices' })
      counts[key] = (counts[key] ?? 0) + 1
    }
    for (const [key, weight] of Object.entries(weights)) expectShare(counts[key] ?? 0, runs, weight / 9)
  })

  it('the load of each is that for its weight', () => {
    const all = [candidate('a', { busy: 4, weight: 5 }), candidate('b', { busy: 1 })]
    expect(first(all, { by: 'least-loaded' })).toBe('a')
    expect(first(all, { by: 'two-choices' })).toBe('a')
  })

  it('keep their failover order: equals by load, then the next tier', () => {
    const all = [
      candidate('a', { busy: 9 }),
      candidate('b', { busy: 1 }),
      candidate('c', { busy: 2 }),
      candidate('d', { tier: 1, busy: 3 }),
      candidate('e', { tier: 1 })
    ]
    expect(pick(all, { by: 'least-loaded' }, random).map(({ key }) => key)).toEqual(['b', 'c', 'a', 'e', 'd'])
  })

  it('hold the loads together where callers come faster than they leave', () => {
    const busy = new Map(['a', 'b', 'c', 'd'].map((key) => [key, 0]))
    for (let i = 0; i < 4_000; i++) {
      const all = [...busy].map(([key, count]) => candidate(key, { busy: count }))
      const key = first(all, { by: 'two-choices' })
      busy.set(key, (busy.get(key) ?? 0) + 1)
    }
    // Two choices keep the gap to the mean at log log n / log 2 plus a constant; one random choice would be off by 100.
    for (const count of busy.values()) expect(Math.abs(count - 1_000)).toBeLessThan(10)
  })
})

describe('a sticky choice', () => {
  const keys = Array.from({ length: 3_000 }, (_, i) => `session ${i}`)
  const all = [candidate('a', { weight: 2 }), candidate('b'), candidate('c', { tier: 1, busy: 9 }), candidate('d')]

  const withoutB = all.map((one) => (one.key === 'b' ? { ...one, isGood: false } : one))

  it('is the same for the same key, in whatever order and load they come, and leaves the rest where it was', () => {
    for (const key of keys.slice(0, 200)) {
      const chosen = first(all, { by: 'sticky', key })
      const later = all.toReversed().map((one) => ({ ...one, busy: one.busy + 5, tier: 0 }))
      expect(first(later, { by: 'sticky', key })).toBe(chosen)
    }
  })

  it('moves only the keys of the one that went, and goes back when it comes back', () => {
    for (const key of keys.slice(0, 500)) {
      const before = first(all, { by: 'sticky', key })
      const after = first(withoutB, { by: 'sticky', key })
      if (before === 'b') expect(after).toBe(pick(all, { by: 'sticky', key }, random)[1]?.key)
      else expect(after).toBe(before)
    }
  })

  it('gives each a share of the keys by its weight', () => {
    const counts = Map.groupBy(keys, (key) => first(all, { by: 'sticky', key }))
    for (const { key, weight } of all) expectShare(counts.get(key)?.length ?? 0, keys.length, weight / 5)
  })

  it('leads to one that something speaks against only where there is nobody else', () => {
    const bad = candidate('x', { isGood: false })
    expect(pick([bad, candidate('y')], { by: 'sticky', key: 'k' }, random).map(({ key }) => key)).toEqual(['y', 'x'])
    expect(first([bad], { by: 'sticky', key: 'k' })).toBe('x')
  })
})

describe('tunnels in flight', () => {
  it('are counted from the attempt to the end, each end once', () => {
    const inFlight = new InFlight()
    const ends = [inFlight.begin('a'), inFlight.begin('a')]
    expect([inFlight.count('a'), inFlight.count('b'), inFlight.busy('a', undefined)]).toEqual([2, 0, 2])
    ends[0]?.()
    ends[0]?.()
    expect(inFlight.count('a')).toBe(1)
    ends[1]?.()
    expect([inFlight.count('a'), inFlight.size]).toEqual([0, 0])
  })

  it('of others are what a report counts beyond our own', () => {
    const inFlight = new InFlight()
    expect(inFlight.busy('a', { tunnels: 3, id: '1.1' })).toBe(3)
    const end = inFlight.begin('a')
    expect(inFlight.busy('a', { tunnels: 4, id: '1.2' })).toBe(4)
    end()
    // the report is from while ours was open
    expect(inFlight.busy('a', { tunnels: 1, id: '1.3' })).toBe(0)
    expect(inFlight.busy('a', { tunnels: 1, id: '1.3' })).toBe(0)
    expect(inFlight.busy('a', { tunnels: 1, id: '1.4' })).toBe(1)
  })

  it('are forgotten for candidates that nobody asks for', () => {
    const inFlight = new InFlight()
    for (const key of ['a', 'b', 'c']) inFlight.busy(key, { tunnels: 0, id: '1' })
    const end = inFlight.begin('b')
    inFlight.keep(new Set(['c']))
    expect(inFlight.size).toBe(2)
    end()
  })
})
