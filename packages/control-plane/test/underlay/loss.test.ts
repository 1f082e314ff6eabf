import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { LossWindow, wilsonLower } from '../../src/underlay/loss-window.ts'
import { SequenceTally } from '../../src/underlay/sequence-tally.ts'
import { runLink } from './link.ts'

const seeds =
  Number(process.env['MESH_SEED'] ?? 0) > 0
    ? [Number(process.env['MESH_SEED'])]
    : Array.from({ length: 100 }, (_, at) => 7_919 * (at + 1))

const arrive = (...sequences: number[]): SequenceTally => {
  const tally = new SequenceTally()
  for (const sequence of sequences) tally.arrive(sequence)
  return tally
}
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at)

describe('the count of what arrives', () => {
  it('takes a packet for lost once eight younger ones are there, and those in a row for one occasion', () => {
    expect(arrive(...range(1, 10), ...range(12, 20)).arrivals).toMatchObject({ lost: 0 })
    expect(arrive(...range(1, 10), ...range(12, 21)).arrivals).toEqual({ settled: 12, lost: 2, runs: 1 })
  })

  it('does not count what was overtaken, and counts what comes twice once', () => {
    const tally = arrive(1, 2, 5, 4, 3, 3, 5, ...range(6, 20))
    expect(tally.arrivals).toEqual({ settled: 11, lost: 0, runs: 0 })
    expect(tally.arrive(19)).toBe(false)
    expect(tally.arrive(4)).toBe(false)
  })

  it('takes sixteen in a row for an outage and not for loss', () => {
    expect(arrive(...range(1, 10), ...range(25, 40)).arrivals).toMatchObject({ lost: 15, runs: 1 })
    expect(arrive(...range(1, 10), ...range(26, 40)).arrivals).toMatchObject({ lost: 0, runs: 0 })
  })

  it('counts anew after a jump that no path makes', () => {
    expect(arrive(1, 1 + limits.echoSequenceJump, ...range(4_098, 4_120)).arrivals.settled).toBe(16)
    const after = arrive(1, 2 + limits.echoSequenceJump, ...range(4_099, 4_120))
    expect(after.arrivals).toEqual({ settled: 14, lost: 0, runs: 0 })
  })
})

describe('the loss of a direction', () => {
  it('goes by the lower end of the interval of Wilson', () => {
    expect(wilsonLower(0, 1_000)).toBeCloseTo(0, 12)
    expect(wilsonLower(0, 0)).toBe(0)
    // computed by hand from the formula, z = 2.576
    expect(wilsonLower(20, 1_000)).toBeCloseTo(0.0113, 3)
    expect(wilsonLower(4, 200)).toBeCloseTo(0.006, 3)
  })

  it('is not said before 200 packets', () => {
    const window = new LossWindow()
    window.note({ settled: 100, lost: 50, runs: 50 }, 0)
    expect(window.read(0)).toBeUndefined()
    window.note({ settled: 199, lost: 99, runs: 99 }, 5_000)
    expect(window.read(5_000)).toBeUndefined()
    window.note({ settled: 200, lost: 99, runs: 99 }, 6_000)
    expect(window.read(6_000)).toMatchObject({ packets: 200, isLossy: true })
  })

  it.each([
    [0.02, 0.02],
    [0.02, 0],
    [0, 0.02]
  ])('of %d out and %d in is named within a minute, and no other', (out, back) => {
    for (const seed of seeds) {
      const { named } = runLink({ seed, out, in: back, cleanMs: 60_000, forMs: 75_000 })
      const say = `MESH_SEED=${seed}`
      if (out > 0) expect(named.out, say).toBeLessThan(60_000)
      else expect(named.out, say).toBeUndefined()
      if (back > 0) expect(named.in, say).toBeLessThan(60_000)
      else expect(named.in, say).toBeUndefined()
    }
  })

  it('of 0.05 % is not blamed in an hour', () => {
    for (const seed of seeds.slice(0, 10)) {
      const { named } = runLink({ seed, out: 0.000_5, in: 0.000_5, forMs: 3_600_000 })
      expect(named, `MESH_SEED=${seed}`).toEqual({})
    }
  })

  it('is not seen in an outage, though packets were lost in it', () => {
    for (const lastsMs of [500, 2_000, 8_000]) {
      const { named, figures } = runLink({
        seed: 1,
        out: 0,
        in: 0,
        forMs: 200_000,
        outage: [100_000, 100_000 + lastsMs]
      })
      expect(named).toEqual({})
      expect(figures).toMatchObject({ udp: 'works' })
    }
  })

  it('is a blocked port where nothing comes through, and not a loss of everything', () => {
    const { figures, named } = runLink({ seed: 1, out: 0, in: 0, forMs: 60_000, outage: [0, 1e9] })
    expect(figures).toEqual({ udp: 'blocked' })
    expect(named).toEqual({})
    const later = runLink({ seed: 1, out: 0, in: 0, forMs: 60_000, outage: [30_000, 1e9] })
    expect(later.figures).toEqual({ udp: 'blocked' })
    expect(later.named).toEqual({})
  })

  it('is forgotten when the path has healed', () => {
    const window = new LossWindow()
    let settled = 0
    const clean = (fromMs: number, toMs: number, lost: number): void => {
      for (let nowMs = fromMs; nowMs < toMs; nowMs += 1_000)
        window.note({ settled: (settled += 20), lost, runs: lost }, nowMs)
    }
    clean(0, 30_000, 0)
    window.note({ settled, lost: 15, runs: 15 }, 30_500)
    clean(31_000, 40_000, 15)
    expect(window.isLossy).toBe(true)
    clean(40_000, 200_000, 15)
    expect(window.isLossy).toBe(false)
    expect(window.read(200_000)).toMatchObject({ share: 0 })
  })
})

it('costs a path that nobody uses one packet in two seconds', () => {
  expect(runLink({ seed: 1, out: 0, in: 0, forMs: 600_000, isUsed: false }).packets).toBe(300)
  expect(runLink({ seed: 1, out: 0, in: 0, forMs: 60_000 }).packets).toBe(480)
})
