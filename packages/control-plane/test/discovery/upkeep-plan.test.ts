import { beforeEach, describe, expect, it } from 'vitest'
import { UpkeepPlan, type UpkeepCandidate, type UpkeepPlanInit } from '../../src/discovery/upkeep-plan.ts'

let nowMs: number
let members: Set<string>
let candidates: UpkeepCandidate[]
let heard: Set<string>

beforeEach(() => {
  nowMs = 1_000_000
  members = new Set()
  candidates = []
  heard = new Set()
})

const named = (prefix: string, count: number, isFirst = false): UpkeepCandidate[] =>
  Array.from({ length: count }, (_, index) => ({ peerId: `${prefix}${index}`, isFirst }))

const planOf = (more: Partial<UpkeepPlanInit> = {}): UpkeepPlan =>
  new UpkeepPlan({
    now: () => nowMs,
    random: () => 0.5,
    self: 'self',
    candidates: () => candidates,
    members: () => [...members],
    isHeardSince: (peer) => heard.has(peer),
    ...more
  })

const join = (plan: UpkeepPlan, peer: string): void => {
  members.add(peer)
  plan.admitted(peer)
}

const lose = (plan: UpkeepPlan, peer: string): void => {
  members.delete(peer)
  plan.gone(peer)
}

/** Lets time pass; every dial ends at once. @returns whom it dialled, with the time */
const run = (
  plan: UpkeepPlan,
  ms: number,
  answers: (peer: string) => boolean = () => true
): Array<{ peer: string; atMs: number; reason: string }> => {
  const dialled: Array<{ peer: string; atMs: number; reason: string }> = []
  const startMs = nowMs
  const endMs = nowMs + ms
  while (plan.nextMs() <= endMs) {
    nowMs = Math.max(nowMs + 10, plan.nextMs())
    for (const { peerId, reason } of plan.due()) {
      dialled.push({ peer: peerId, atMs: nowMs - startMs, reason })
      const isThere = answers(peerId)
      if (isThere) join(plan, peerId)
      plan.ended(peerId, isThere)
    }
  }
  nowMs = endMs
  return dialled
}

const names = (dialled: Array<{ peer: string }>): string[] => dialled.map(({ peer }) => peer)

describe('upkeep', () => {
  it('dials until the target degree, and not itself', () => {
    candidates = [{ peerId: 'self', isFirst: false }, ...named('m', 20)]
    const dialled = run(planOf({ targetDegree: 6 }), 5_000)
    expect(new Set(names(dialled)).size).toBe(6)
    expect(names(dialled)).not.toContain('self')
  })

  it('wants random members beside the first ones, however many of those there are', () => {
    candidates = [...named('first', 8, true), ...named('m', 20)]
    run(planOf({ targetDegree: 8, randomDegree: 4 }), 20_000)
    expect([...members].filter((peer) => peer.startsWith('m')).length).toBeGreaterThanOrEqual(4)
  })

  it('tries the same few again within seconds, however long it has been alone, and rarely where it is not', () => {
    candidates = named('m', 3)
    const alone = planOf()
    run(alone, 600_000, () => false)
    const perPeer = run(alone, 60_000, () => false).filter(({ peer }) => peer === 'm0')
    expect(perPeer.length).toBeGreaterThanOrEqual(6)
    expect(perPeer.length).toBeLessThanOrEqual(8)
    join(alone, 'other')
    run(alone, 600_000, () => false)
    expect(
      run(alone, 60_000, () => false).filter(({ peer, reason }) => peer === 'm0' && reason === 'degree').length
    ).toBeLessThanOrEqual(1)
  })

  it('does not dial from the upper bound on, and has nothing to do below it', () => {
    candidates = [...named('first', 12, true), ...named('m', 20)]
    for (const { peerId } of named('first', 12, true)) members.add(peerId)
    heard = new Set(candidates.map(({ peerId }) => peerId))
    expect(run(planOf({ mostDegree: 12 }), 600_000)).toEqual([])
    expect(run(planOf({ mostDegree: 14 }), 600_000)).toHaveLength(2)
  })

  it('tries the best and any others at once while nobody is connected', () => {
    candidates = named('m', 30)
    const dials = planOf({ aloneConcurrency: 6 })
      .due()
      .map(({ peerId }) => peerId)
    expect(dials).toHaveLength(6)
    expect(dials.slice(0, 3)).toEqual(['m0', 'm1', 'm2'])
  })

  it('finds those that are there among a hundred that are not', () => {
    candidates = named('m', 100)
    const plan = planOf()
    run(plan, 30_000, (peer) => peer === 'm77' || peer === 'm99')
    expect(members).toEqual(new Set(['m77', 'm99']))
  })

  it('backs off from who does not answer', () => {
    candidates = named('m', 1)
    members.add('other')
    const dialled = run(planOf({ reunionMs: 10_000_000 }), 600_000, () => false)
    expect(dialled.length).toBeGreaterThan(5)
    expect(dialled.length).toBeLessThan(15)
  })

  it('does not dial in a storm who accepts and then throws it out', () => {
    candidates = named('m', 1)
    const plan = planOf()
    let dials = 0
    const endMs = nowMs + 60_000
    while (plan.nextMs() <= endMs) {
      nowMs = Math.max(nowMs + 10, plan.nextMs())
      for (const { peerId } of plan.due()) {
        dials++
        join(plan, peerId)
        plan.ended(peerId, true)
        lose(plan, peerId)
      }
    }
    expect(dials).toBeGreaterThan(2)
    expect(dials).toBeLessThan(14)
  })

  it('turns to the others when its neighbours die', () => {
    candidates = named('m', 40)
    const plan = planOf()
    run(plan, 100_000)
    const dead = new Set(members)
    for (const peer of dead) lose(plan, peer)
    run(plan, 5_000, (peer) => !dead.has(peer))
    expect(members.size).toBeGreaterThanOrEqual(8)
  })

  it('looks soon for candidates that it hears of, and rarely when there are none', () => {
    const plan = planOf()
    candidates = named('first', 1, true)
    run(plan, 1_000)
    candidates = [...named('first', 1, true), ...named('m', 10)]
    run(plan, 5_000)
    expect(members.size).toBe(8)
    candidates = named('none', 0)
    let looks = 0
    const endMs = nowMs + 600_000
    const lonely = planOf()
    while (lonely.nextMs() <= endMs) {
      looks++
      nowMs = Math.max(nowMs + 10, lonely.nextMs())
      lonely.due()
    }
    expect(looks).toBeLessThan(60)
  })

  it('dials now and then a member that is out of view, though its degree is full', () => {
    candidates = named('m', 40)
    const plan = planOf()
    run(plan, 20_000)
    heard = new Set(candidates.map(({ peerId }) => peerId))
    heard.delete('m39')
    members.delete('m39')
    const dialled = run(plan, 300_000, () => false)
    expect(new Set(names(dialled))).toEqual(new Set(['m39']))
    expect(dialled.every(({ reason }) => reason === 'reunion')).toBe(true)
    expect(dialled.length).toBeGreaterThanOrEqual(8)
    expect(dialled.length).toBeLessThanOrEqual(14)
  })

  it('dials some more of those that were lost when one is back, and then no more', () => {
    candidates = [...named('near', 30), ...named('far', 20)]
    const plan = planOf()
    for (const { peerId } of named('near', 30)) join(plan, peerId)
    for (const { peerId } of named('far', 20)) {
      join(plan, peerId)
      lose(plan, peerId)
    }
    run(plan, 120_000, () => false)
    const dialled = run(plan, 60_000)
    const [first] = dialled
    expect(first?.atMs).toBeLessThan(40_000)
    const wave = dialled.filter(({ atMs }) => atMs <= (first?.atMs ?? 0) + 10_000)
    expect(wave).toHaveLength(5)
    expect(dialled.length).toBeLessThanOrEqual(12)
  })
})
