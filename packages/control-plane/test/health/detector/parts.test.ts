import { describe, expect, it } from 'vitest'
import { DigestClock } from '../../../src/health/detector/digest-clock.ts'
import { detectorPresets, digestIntervalMs, suspicionBounds } from '../../../src/health/detector/index.ts'
import { ProbeOrder } from '../../../src/health/detector/probe-order.ts'
import { confirmationsOf } from '../../../src/health/detector/settings.ts'
import { Suspicion, suspicionMs } from '../../../src/health/detector/suspicion.ts'
import { seededRandom } from '@agent-mesh/testkit'

describe('how long a suspicion runs', () => {
  it.each([
    // the values of memberlist's own test of its formula, for k = 3, 2 s and 30 s
    [0, 30_000],
    [1, 16_000],
    [2, 7_810],
    [3, 2_000],
    [4, 2_000]
  ])('with %i confirmations of three: %i ms', (confirmed, expectedMs) => {
    expect(suspicionMs(confirmed, 3, 2_000, 30_000)).toBeCloseTo(expectedMs, -1)
  })

  it('is the shortest where nobody could confirm', () => {
    expect(suspicionMs(0, 0, 2_000, 30_000)).toBe(2_000)
    expect(confirmationsOf(detectorPresets.lan, 3)).toBe(0)
    expect(confirmationsOf(detectorPresets.lan, 4)).toBe(2)
  })

  it('grows with the logarithm of the members, from ten on', () => {
    const { lan, wan } = detectorPresets
    expect(suspicionBounds(lan, 1)).toEqual({ minMs: 4_000, maxMs: 24_000 })
    expect(suspicionBounds(lan, 10)).toEqual({ minMs: 4_000, maxMs: 24_000 })
    expect(suspicionBounds(lan, 1_000)).toEqual({ minMs: 12_000, maxMs: 72_000 })
    expect(suspicionBounds(wan, 10)).toEqual({ minMs: 30_000, maxMs: 180_000 })
  })

  it('counts each accuser once, and no more than are wanted', () => {
    const suspicion = new Suspicion({ startMs: 0, minMs: 10, maxMs: 60, confirmations: 2, accuser: 'a' })
    expect(['a', 'b', 'b', 'c', 'd'].map((one) => suspicion.confirm(one))).toEqual([false, true, false, true, false])
    expect(suspicion.dueMs).toBe(10)
    suspicion.extend(1_000)
    expect(suspicion.dueMs, 'what could not be heard does not count').toBe(1_010)
  })
})

describe('the order of probes', () => {
  it('has everybody once a round, newcomers and leavers included', () => {
    const random = seededRandom(7)
    const order = new ProbeOrder(random.next)
    for (const peer of ['a', 'b', 'c', 'd']) order.add(peer)
    for (let round = 0; round < 20; round++) {
      expect(new Set(Array.from({ length: 4 }, () => order.next()))).toEqual(new Set(['a', 'b', 'c', 'd']))
    }
    order.next()
    order.add('e')
    order.remove('a')
    const seen = Array.from({ length: 8 }, () => order.next())
    for (const peer of ['b', 'c', 'd', 'e']) expect(seen).toContain(peer)
    expect(seen).not.toContain('a')
  })

  it('of nobody is nobody', () => {
    expect(new ProbeOrder(() => 0).next()).toBeUndefined()
  })
})

describe('the clock of digests', () => {
  it('says when one was made, however the author’s clock is set', () => {
    const clock = new DigestClock()
    expect(clock.read({ incarnation: 1, sequence: 1, timeMs: 1_000_000 }, 5_000)).toBe(5_000)
    expect(clock.read({ incarnation: 1, sequence: 2, timeMs: 1_005_000 }, 10_000)).toBe(10_000)
    // 20 s under way
    const madeMs = clock.read({ incarnation: 1, sequence: 3, timeMs: 1_010_000 }, 35_000)
    expect(madeMs).toBeLessThanOrEqual(15_100)
  })

  it('takes none twice, and none that is older', () => {
    const clock = new DigestClock()
    clock.read({ incarnation: 2, sequence: 5, timeMs: 0 }, 0)
    expect(clock.read({ incarnation: 2, sequence: 5, timeMs: 9 }, 9)).toBeUndefined()
    expect(clock.read({ incarnation: 1, sequence: 9, timeMs: 9 }, 9)).toBeUndefined()
    expect(clock.read({ incarnation: 3, sequence: 0, timeMs: 9 }, 9)).toBe(9)
  })
})

it('digests come every 10 s in a small mesh, and seldom enough in a large one that their number per node stays', () => {
  expect([2, 20, 100, 1_000].map(digestIntervalMs)).toEqual([10_000, 10_000, 50_000, 500_000])
})
