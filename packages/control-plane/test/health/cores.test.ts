import { describe, expect, it } from 'vitest'
import { VirtualClock } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import { Encounters } from '../../src/health/encounters.ts'
import { Outbox } from '../../src/health/outbox.ts'
import { Probes } from '../../src/health/probes.ts'
import { RttMeter } from '../../src/health/rtt-meter.ts'
import { Zombies } from '../../src/health/zombies.ts'
import type { Claim } from '../../src/health/detector/interface.ts'

const claim = (peerId: string, state: Claim['state'] = 'dead'): Claim => ({ peerId, state, incarnation: 1 })

const setUp = (neighbours: string[]) => {
  const clock = new VirtualClock(0)
  const encounters = new Encounters({
    now: clock.now,
    random: () => 0.5,
    neighbours: () => neighbours,
    intervalMs: 30_000
  })
  return { clock, encounters }
}

describe('what probes tell of the way', () => {
  it('is a smoothed round trip, and a jitter that follows RFC 3550', () => {
    const meter = new RttMeter()
    meter.answered(10)
    expect(meter.read(0)).toEqual({ rttMs: 10, jitterMs: 0, stalls: 0 })
    meter.answered(26)
    expect(meter.read(0)).toEqual({ rttMs: 12, jitterMs: 1, stalls: 0 })
  })

  it('counts what stood still, says for how long, and forgets it after 64 probes; never a loss', () => {
    const meter = new RttMeter()
    meter.unanswered(1_000)
    meter.unanswered(2_000)
    expect(meter.read(5_000)).toEqual({ stalls: 2, stalledMs: 4_000 })
    meter.answered(5)
    expect(meter.read(6_000)).toEqual({ rttMs: 5, jitterMs: 0, stalls: 2 })
    for (let i = 0; i < 63; i++) meter.answered(5)
    expect(meter.read(6_000)).not.toHaveProperty('loss')
    expect(meter.read(6_000).stalls).toBe(0)
  })

  it('comes from whom was asked alone, and counts a probe that nobody answered once', () => {
    const probes = new Probes()
    probes.sent(1, { peer: 'bob', sentMs: 100, deadlineMs: 600 })
    probes.answered(1, 'eve', 101)
    expect(probes.measured('eve', 101)).toBeUndefined()
    probes.expire(600)
    expect(probes.measured('bob', 600)).toBeUndefined()
    probes.expire(601)
    probes.expire(700)
    expect(probes.measured('bob', 700)).toEqual({ stalls: 1, stalledMs: 600 })
  })

  it('shows a zombie once, until it answers', () => {
    const probes = new Probes()
    const called: Array<[string, number]> = []
    const zombies = new Zombies(1_000, probes, (...what) => called.push(what))
    probes.sent(1, { peer: 'bob', sentMs: 0, deadlineMs: 500 })
    probes.expire(501)
    zombies.look(['bob', 'carol'], 4_999)
    expect(called).toEqual([])
    zombies.look(['bob', 'carol'], 5_000)
    zombies.look(['bob', 'carol'], 9_000)
    expect(called).toEqual([['bob', 5_000]])
  })
})

describe('news on its way out', () => {
  it('of a moment leaves in one message within 100 ms, of one member the last', () => {
    const clock = new VirtualClock()
    const sent: Claim[][] = []
    const outbox = new Outbox({ timers: clock, publish: (claims) => sent.push(claims) })
    outbox.add(claim('a', 'suspect'))
    outbox.add(claim('b'))
    outbox.add(claim('a'))
    clock.advance(100)
    expect(sent).toEqual([[claim('b'), claim('a')]])
  })

  it('of a disaster leaves in several, none of them too large and not all at once', () => {
    const clock = new VirtualClock()
    const sent: number[] = []
    const outbox = new Outbox({ timers: clock, publish: (claims) => sent.push(claims.length) })
    for (let at = 0; at < 150; at++) outbox.add(claim(String(at)))
    clock.advance(100)
    expect(sent).toEqual([limits.claimsPerMessage])
    clock.advance(1_000)
    expect(sent).toEqual([64, 64, 22])
    expect(clock.pending).toBe(0)
  })
})

describe('with whom views are compared', () => {
  it('is whoever came last, one at a time, until one holds the same', () => {
    const { clock, encounters } = setUp(['a', 'b', 'c'])
    for (const one of ['a', 'b', 'c']) encounters.arrived(one)
    expect(encounters.nextMs()).toBe(0)
    expect([encounters.due(), encounters.due()]).toEqual(['c', undefined])
    clock.advance(500)
    expect(encounters.due()).toBe('b')
    encounters.agreed()
    clock.advance(500)
    expect(encounters.due()).toBeUndefined()
  })

  it('is one at random every 30 seconds', () => {
    const { clock, encounters } = setUp(['a', 'b', 'c'])
    expect(encounters.nextMs()).toBe(30_000)
    clock.advance(29_999)
    expect(encounters.due()).toBeUndefined()
    clock.advance(1)
    expect(encounters.due()).toBe('b')
    expect(encounters.nextMs()).toBe(60_000)
  })

  it('is nobody where nobody is there', () => {
    const { clock, encounters } = setUp([])
    clock.advance(30_000)
    expect(encounters.due()).toBeUndefined()
  })
})
