import { describe, expect, it } from 'vitest'
import { RelayQuota } from '../../src/relay/relay-quota.ts'

const quota = (given: Partial<ConstructorParameters<typeof RelayQuota>[0]> = {}) => {
  const clock = { ms: 0 }
  const init = { circuits: 3, circuitsPerPeer: 2, bytesPerSecond: 1_000, bytesPerHour: 10_000, now: () => clock.ms }
  return { clock, quota: new RelayQuota({ ...init, ...given }) }
}

describe('what a member may have of a relay', () => {
  it('is so many circuits at once, and so many of all', () => {
    const { quota: one } = quota()
    expect([one.open('a'), one.open('a'), one.open('a')]).toEqual([true, true, false])
    expect([one.open('b'), one.open('c')]).toEqual([true, false])
    one.close('a')
    expect(one.circuits).toBe(2)
    expect(one.open('c')).toBe(true)
  })

  it('is a rate with a burst of one second', () => {
    const { quota: one, clock } = quota()
    clock.ms = 5_000
    expect(one.spend('a', 1_000)).toBe(0)
    expect(one.spend('a', 500)).toBe(500)
    expect(one.spend('b', 500)).toBe(0)
    clock.ms = 5_500
    expect(one.spend('a', 100)).toBe(100)
  })

  it('is so many bytes in an hour, and again in the next', () => {
    const { quota: one, clock } = quota()
    expect(one.spend('a', 10_000)).toBeDefined()
    expect(one.spend('a', 1)).toBeUndefined()
    expect(one.open('a')).toBe(false)
    clock.ms = 3_600_000
    expect(one.spend('a', 1)).toBeDefined()
    expect(one.open('a')).toBe(true)
  })

  it('is remembered of whoever has a circuit, however many others come', () => {
    const { quota: one } = quota({ circuitsPerPeer: 1 })
    one.open('a')
    for (let peer = 0; peer < 5_000; peer++) one.spend(`p${peer}`, 1)
    expect(one.open('a')).toBe(false)
  })
})
