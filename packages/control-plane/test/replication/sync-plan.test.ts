import { beforeEach, describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { seededRandom, VirtualClock } from '@agent-mesh/testkit'
import { mostAtOnce, SyncPlan } from '../../src/replication/sync-plan.ts'

let clock: VirtualClock
let members: string[]
let differing: Set<string>
let plan: SyncPlan

const planOf = (self: string, seed = 1): SyncPlan =>
  new SyncPlan({
    now: clock.now,
    random: seededRandom(seed).next,
    self,
    members: () => members,
    differs: (peer) => differing.has(peer)
  })

/** Moves on to where something is due, at most so far, and begins it. */
const begun = (mostMs = limits.syncIntervalMs * 2): { peers: string[]; afterMs: number } => {
  const startMs = clock.now()
  while (clock.now() - startMs <= mostMs) {
    const peers = plan.due()
    for (const peer of peers) plan.began(peer)
    if (peers.length > 0) return { peers, afterMs: clock.now() - startMs }
    const nextMs = plan.nextMs()
    if (nextMs === Number.POSITIVE_INFINITY) break
    clock.advance(Math.max(1, nextMs - clock.now()))
  }
  return { peers: [], afterMs: clock.now() - startMs }
}

beforeEach(() => {
  clock = new VirtualClock()
  members = ['a', 'c', 'd', 'e']
  differing = new Set()
  plan = planOf('b')
})

describe('a plan of comparisons', () => {
  it('begins at once with a member that arrives, where its own peer id is the lower one', () => {
    plan.arrived('c')
    expect(begun()).toEqual({ peers: ['c'], afterMs: 0 })
  })

  it('waits for the other side where its own is the higher one, and begins itself when nothing comes', () => {
    plan.arrived('a')
    expect(begun()).toEqual({ peers: ['a'], afterMs: 2_000 })
    plan.ended('a', true)
    plan.arrived('a')
    plan.wasAsked('a')
    expect(begun(10_000).peers).toEqual([])
  })

  it('comes back to an arrival that failed, later each time, and no more when it left', () => {
    plan.arrived('c')
    expect(begun().peers).toEqual(['c'])
    plan.ended('c', false)
    expect(begun()).toEqual({ peers: ['c'], afterMs: 2_000 })
    plan.ended('c', false)
    expect(begun()).toEqual({ peers: ['c'], afterMs: 4_000 })
    plan.ended('c', false)
    plan.left('c')
    expect(begun(10_000).peers).toEqual([])
  })

  it('compares with each member in turn at random, about every interval', () => {
    const met = new Map<string, number>()
    let lastMs = clock.now()
    for (let turn = 0; turn < 400; turn++) {
      const { peers } = begun()
      expect(peers).toHaveLength(1)
      expect((clock.now() - lastMs) / limits.syncIntervalMs).toBeGreaterThanOrEqual(0.75)
      expect((clock.now() - lastMs) / limits.syncIntervalMs).toBeLessThanOrEqual(1.25)
      lastMs = clock.now()
      for (const peer of peers) {
        met.set(peer, (met.get(peer) ?? 0) + 1)
        plan.ended(peer, true)
      }
    }
    expect([...met.keys()].toSorted()).toEqual(members)
    for (const count of met.values()) expect(count).toBeGreaterThan(60)
  })

  it('asks one of the holders of something else soon, and none once that is held here', () => {
    members = Array.from({ length: 50 }, (_, index) => `m${index}`)
    differing = new Set(['m1', 'm2', 'm3'])
    for (const peer of differing) plan.heard(peer)
    const { peers, afterMs } = begun()
    expect(peers).toHaveLength(1)
    expect(afterMs).toBeLessThanOrEqual(250)
    differing.clear()
    for (const peer of peers) plan.ended(peer, true)
    expect(begun(10_000).peers).toEqual([])
  })

  it('does not let everybody ask the author', () => {
    const holders = Array.from({ length: 10 }, (_, index) => `h${index}`)
    members = holders
    differing = new Set(holders)
    const asked = new Set<string>()
    for (let seed = 1; seed <= 40; seed++) {
      plan = planOf('b', seed)
      for (const peer of holders) plan.heard(peer)
      for (const peer of begun().peers) asked.add(peer)
    }
    expect(asked.size).toBeGreaterThan(7)
  })

  it('asks another holder after half a second when the first one does not answer', () => {
    differing = new Set(['a', 'c'])
    plan.heard('a')
    plan.heard('c')
    const first = begun().peers
    const second = begun()
    expect([...first, ...second.peers].toSorted()).toEqual(['a', 'c'])
    expect(second.afterMs).toBeGreaterThanOrEqual(500)
    expect(second.afterMs).toBeLessThan(1_000)
  })

  it('asks the neighbour that passed on what somebody else holds, and waits to be called back', () => {
    differing.add('far away')
    plan.heardThrough('c', 'far away')
    const first = begun()
    expect(first.peers).toEqual(['c'])
    expect(first.afterMs).toBeLessThanOrEqual(40)
    plan.ended('c', true)
    const second = begun()
    expect(second).toEqual({ peers: ['c'], afterMs: 600 })
    plan.ended('c', true)
  })

  it('asks somebody at random as well when the neighbour had it neither at the second question', () => {
    members = ['c', 'd', 'e', 'f']
    differing.add('far away')
    plan.heardThrough('c', 'far away')
    for (let time = 0; time < 2; time++) {
      expect(begun().peers).toEqual(['c'])
      plan.ended('c', true)
    }
    const { peers, afterMs } = begun()
    expect(peers).toHaveLength(1)
    expect(afterMs).toBeGreaterThanOrEqual(150)
    expect(afterMs).toBeLessThanOrEqual(450)
  })

  it('calls those back who asked in vain a moment ago, and nobody else', () => {
    plan.wasAsked('a')
    clock.advance(11_000)
    plan.wasAsked('c')
    plan.wasAsked('d')
    differing = new Set(['a', 'c', 'e'])
    plan.tookOver()
    expect(begun()).toEqual({ peers: ['c'], afterMs: 0 })
    plan.ended('c', true)
    differing.clear()
    expect(begun(10_000).peers).toEqual([])
  })

  it('brings what it took over to three neighbours that are not known to hold it, a second later', () => {
    members = ['c', 'd', 'e', 'f', 'g', 'h']
    differing = new Set(['c', 'd', 'e', 'f', 'g'])
    plan.tookOver()
    differing.delete('g')
    const { peers, afterMs } = begun()
    expect(peers).toHaveLength(3)
    expect(new Set(peers).size).toBe(3)
    expect(['c', 'd', 'e', 'f']).toEqual(expect.arrayContaining(peers))
    expect(afterMs).toBeGreaterThanOrEqual(750)
    expect(afterMs).toBeLessThanOrEqual(1_250)
    for (const peer of peers) plan.ended(peer, true)
    expect(begun(10_000).peers).toEqual([])
  })

  it('does not ask a neighbour for what is held here by then', () => {
    differing.add('far away')
    plan.heardThrough('c', 'far away')
    differing.clear()
    expect(begun(10_000).peers).toEqual([])
  })

  it('has no more than a few under way at once, and goes on when one ends', () => {
    members = ['c', 'd', 'e', 'f', 'g', 'h']
    for (const peer of members) plan.arrived(peer)
    expect(begun().peers).toHaveLength(mostAtOnce)
    expect(plan.due()).toEqual([])
    expect(plan.nextMs()).toBe(Number.POSITIVE_INFINITY)
    plan.ended('c', true)
    expect(begun()).toEqual({ peers: ['g'], afterMs: 0 })
  })

  it('never begins twice with one member at once', () => {
    plan.arrived('c')
    plan.heard('c')
    differing.add('c')
    expect(begun().peers).toEqual(['c'])
    for (let round = 0; round < 20; round++) expect(begun(limits.syncIntervalMs).peers).not.toContain('c')
  })
})
