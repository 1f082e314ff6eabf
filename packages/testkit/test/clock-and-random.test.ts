import { describe, expect, it } from 'vitest'
import { seededRandom, VirtualClock } from '../src/index.ts'

describe('a virtual clock', () => {
  it('fires what is due, in order, and what was set meanwhile', () => {
    const clock = new VirtualClock(1_000)
    const fired: Array<[string, number]> = []
    const fire = (name: string) => () => fired.push([name, clock.now()])
    clock.setTimeout(fire('late'), 30)
    clock.setTimeout(() => {
      fire('early')()
      clock.setTimeout(fire('meanwhile'), 5)
      clock.setTimeout(fire('later'), 50)
    }, 10)
    clock.setTimeout(fire('same time'), 10)
    const cancel = clock.setTimeout(fire('cancelled'), 1)
    cancel()
    clock.advance(30)
    expect(fired).toEqual([
      ['early', 1_010],
      ['same time', 1_010],
      ['meanwhile', 1_015],
      ['late', 1_030]
    ])
    expect([clock.now(), clock.pending]).toEqual([1_030, 1])
  })

  it('fires nothing for being set', () => {
    const clock = new VirtualClock(0)
    let fired = 0
    clock.setTimeout(() => (fired += 1), 10)
    clock.jump(3_600_000)
    expect([clock.now(), fired]).toEqual([3_600_000, 0])
    clock.advance(9)
    expect(fired).toBe(0)
    clock.advance(1)
    expect(fired).toBe(1)
  })
})

const draw = (seed: number): number[] => {
  const { next } = seededRandom(seed)
  return Array.from({ length: 5 }, next)
}

describe('seeded random numbers', () => {
  it('are the same for the same seed, and others for another', () => {
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
    expect(draw(0xffffffff).every((value) => value >= 0 && value < 1)).toBe(true)
  })

  it('are spread evenly', () => {
    const { integer } = seededRandom(7)
    const counts = Array.from({ length: 10 }, () => 0)
    for (let count = 0; count < 100_000; count += 1) {
      const bucket = integer(0, 10)
      counts[bucket] = (counts[bucket] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  })

  it('pick and shuffle without losing anything', () => {
    const { pick, shuffle, bytes } = seededRandom(3)
    const items = Array.from({ length: 50 }, (_, index) => index)
    expect(shuffle(items)).not.toEqual(items)
    expect(shuffle(items).toSorted((a, b) => a - b)).toEqual(items)
    expect(items).toContain(pick(items))
    expect(bytes(16)).toHaveLength(16)
    expect(() => pick([])).toThrow(RangeError)
  })
})
