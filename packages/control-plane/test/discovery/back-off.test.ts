import { describe, expect, it } from 'vitest'
import { createBackOff } from '../../src/discovery/back-off.ts'

const at = (now: () => number) =>
  createBackOff({ baseMs: 100, maxMs: 1_000, goodAfterMs: 5_000, now, random: () => 0.5 })

describe('the back-off of a peer', () => {
  it('doubles with each attempt, up to a maximum', () => {
    const backOff = at(() => 0)
    const delays = [0, 1, 2, 3, 4, 5].map(() => {
      backOff.attempted('a')
      return backOff.notBefore('a')
    })
    expect(delays).toEqual([100, 200, 400, 800, 1_000, 1_000])
    expect(backOff.notBefore('b')).toBe(0)
  })

  it('has jitter', () => {
    const delays = [0, 0.999].map((value) => {
      const backOff = createBackOff({ baseMs: 100, maxMs: 1_000, goodAfterMs: 1, now: () => 0, random: () => value })
      backOff.attempted('a')
      return Math.round(backOff.notBefore('a'))
    })
    expect(delays).toEqual([75, 125])
  })

  it('begins anew only after a connection that held', () => {
    let now = 0
    const backOff = at(() => now)
    for (let i = 0; i < 3; i++) backOff.attempted('a')
    backOff.connected('a')
    now = 4_999
    backOff.ended('a')
    backOff.attempted('a')
    expect(backOff.notBefore('a')).toBe(now + 800)
    backOff.connected('a')
    now += 5_000
    backOff.ended('a')
    expect(backOff.notBefore('a')).toBe(now + 100)
  })
})
