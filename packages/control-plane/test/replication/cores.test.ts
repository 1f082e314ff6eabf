import { beforeAll, describe, expect, it } from 'vitest'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { limits, type SyncState } from '@agent-mesh/wire'
import { VirtualClock } from '@agent-mesh/testkit'
import { AnnouncementRules } from '../../src/replication/announcement-rules.ts'
import { Announcer } from '../../src/replication/announcer.ts'
import { Conduct } from '../../src/replication/conduct.ts'
import { HolderBook } from '../../src/replication/holder-book.ts'
import { Inventory } from '../../src/replication/inventory.ts'
import { createSeats } from '../../src/replication/seats.ts'
import { decodeAnnouncement, encodeAnnouncement, mostKinds } from '../../src/replication/sync-message.ts'
import { growingSet, sealed, stateOf, versionedDocument } from './replicas.ts'
import type { PeerId } from '@libp2p/interface'

const state = (kind: string, fill: number, version = 0): SyncState => ({
  kind,
  digest: new Uint8Array(32).fill(fill),
  version,
  ageMs: 0
})

describe('an inventory', () => {
  it('does not announce a quiet kind, nor takes what differs in it for a reason to ask', () => {
    const [set, quiet] = [growingSet(), { ...growingSet('quiet'), isQuiet: true }]
    const inventory = new Inventory([set, quiet], () => 0)
    const other = [stateOf(set), { ...stateOf(quiet), digest: new Uint8Array(32) }]
    expect(inventory.announced().map(({ kind }) => kind)).toEqual(['set'])
    expect(inventory.states()).toHaveLength(2)
    expect(inventory.differing(other)).toEqual([quiet])
    expect(inventory.differingAnnounced(other)).toEqual([])
  })

  it('tells which kinds differ, and passes over those that it does not hold', () => {
    const [document, set] = [versionedDocument(), growingSet()]
    const inventory = new Inventory([document, set], () => 0)
    const before = inventory.states()
    expect(inventory.differing(before)).toEqual([])
    set.add(sealed('a'))
    expect(inventory.differing([...before, state('other', 1)])).toEqual([set])
  })

  it('is not made of replicas that cannot be carried', () => {
    expect(() => new Inventory([growingSet('Set')], () => 0)).toThrow(/not a kind/)
    expect(() => new Inventory([growingSet(), growingSet()], () => 0)).toThrow(RangeError)
    expect(() => new Inventory([growingSet('set', limits.syncBytes - 4095)], () => 0)).toThrow(RangeError)
    const kinds = Array.from({ length: mostKinds + 1 }, (_, index) => growingSet(`k${index}`))
    expect(() => new Inventory(kinds, () => 0)).toThrow(RangeError)
  })
})

describe('an announcer', () => {
  it('makes one message of a burst, with what is held in the end', () => {
    const clock = new VirtualClock()
    const set = growingSet()
    const sent: Array<{ atMs: number; states: SyncState[] }> = []
    const announcer = new Announcer({
      timers: clock,
      random: () => 0.5,
      members: () => 100,
      states: () => [stateOf(set)],
      publish: (bytes) => sent.push({ atMs: clock.now(), states: decodeAnnouncement(bytes).states })
    })
    const startMs = clock.now()
    for (let index = 0; index < 100; index++) {
      set.add(sealed(`${index}`))
      announcer.announce()
    }
    clock.advance(1_000)
    expect(sent).toHaveLength(1)
    expect(Buffer.from(sent[0]?.states[0]?.digest ?? [])).toEqual(set.digest())
    expect((sent[0]?.atMs ?? 0) - startMs).toBeLessThanOrEqual(50)
    for (let ms = 0; ms < 2_000; ms += 10) {
      announcer.announce()
      clock.advance(10)
    }
    expect(sent.length - 1).toBeLessThanOrEqual(8)
    announcer.announce()
    announcer.stop()
    expect(clock.pending).toBe(0)
  })
})

const setUp = (
  more: { isMember?: boolean; mayAnnounce?: boolean } = {}
): {
  clock: VirtualClock
  rules: AnnouncementRules
  judge: (author: string | undefined, timeMs: number, states?: SyncState[]) => string
} => {
  const clock = new VirtualClock()
  const rules = new AnnouncementRules({
    now: clock.now,
    self: 'self',
    isMember: () => more.isMember ?? true,
    mayAnnounce: () => more.mayAnnounce ?? true
  })
  return {
    clock,
    rules,
    judge: (author, timeMs, states = [state('set', 1)]) => rules.judge(author, encodeAnnouncement(states, timeMs)).is
  }
}

describe('the rules for announcements', () => {
  it('accept what a member says, unknown kinds included', () => {
    const { clock, judge } = setUp()
    expect(judge('alice', clock.now(), [state('of-tomorrow', 1)])).toBe('accept')
  })

  it('reject what no honest node passes on: what nobody signed, and what is malformed', () => {
    const { clock, judge } = setUp()
    expect(judge(undefined, clock.now())).toBe('reject')
    expect(judge('alice', clock.now(), [{ ...state('set', 1), digest: new Uint8Array(3) }])).toBe('reject')
  })

  it('ignore strangers, oneself, those who say too much, and times that are off', () => {
    const { clock, judge } = setUp()
    expect(setUp({ isMember: false }).judge('alice', clock.now())).toBe('ignore')
    expect(setUp({ mayAnnounce: false }).judge('alice', clock.now())).toBe('ignore')
    expect(judge('self', clock.now())).toBe('ignore')
    expect(judge('alice', clock.now() + limits.clockToleranceMs + 1)).toBe('ignore')
    expect(judge('alice', clock.now() - limits.clockToleranceMs - 1)).toBe('ignore')
  })

  it.each([
    { what: 'adds how long it was on its way', wayMs: 900, ageMs: 2_400 },
    { what: 'stands where it was on its way for longer than gossip takes', wayMs: 3_001, ageMs: 1_500 },
    { what: 'stands where it comes from the future', wayMs: -900, ageMs: 1_500 }
  ])('take the age of what its author holds: that $what', ({ wayMs, ageMs }) => {
    const { clock, rules } = setUp()
    const bytes = encodeAnnouncement([{ ...state('set', 1), ageMs: 1_500 }], clock.now() - wayMs)
    expect(rules.judge('alice', bytes)).toMatchObject({ is: 'accept', states: [{ kind: 'set', ageMs }] })
  })

  it('ignore a message that somebody kept, once its author said something later', () => {
    const { clock, judge } = setUp()
    expect(judge('alice', clock.now())).toBe('accept')
    expect(judge('alice', clock.now() - 1)).toBe('ignore')
    expect(judge('bob', clock.now() - 1)).toBe('accept')
  })
})

describe('conduct', () => {
  it('leaves a member alone that brings rubbish three times, longer each time, and forgives one that mends', () => {
    const clock = new VirtualClock()
    const conduct = new Conduct(clock.now)
    const bad = (times: number): void => {
      for (let time = 0; time < times; time++) conduct.brought('mallory', { taken: 0, refused: 1 })
    }
    bad(2)
    expect(conduct.isAvoided('mallory')).toBe(false)
    conduct.brought('mallory', { taken: 1, refused: 0 })
    bad(2)
    expect(conduct.isAvoided('mallory')).toBe(false)
    bad(1)
    expect(conduct.isAvoided('mallory')).toBe(true)
    expect(conduct.isAvoided('alice')).toBe(false)
    clock.advance(60_000)
    expect(conduct.isAvoided('mallory')).toBe(false)
    bad(3)
    clock.advance(60_000)
    expect(conduct.isAvoided('mallory')).toBe(true)
    clock.advance(60_000)
    expect(conduct.isAvoided('mallory')).toBe(false)
  })

  it('gives each member so many pages and announcements, and more with time', () => {
    const clock = new VirtualClock()
    const conduct = new Conduct(clock.now)
    const pages = (peer: string): number =>
      Array.from({ length: 200 }, () => conduct.mayAsk(peer)).filter(Boolean).length
    expect(pages('mallory')).toBe(64)
    expect(pages('mallory')).toBe(0)
    expect(pages('alice')).toBe(64)
    clock.advance(1_000)
    expect(pages('mallory')).toBe(2)
    const told = Array.from({ length: 200 }, () => conduct.mayAnnounce('mallory')).filter(Boolean).length
    expect(told).toBe(32)
  })
})

describe('the book of holders', () => {
  let alice: PeerId
  let bob: PeerId
  beforeAll(async () => {
    alice = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    bob = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  })

  it('says since when each member is known to hold what it holds', () => {
    const clock = new VirtualClock()
    const book = new HolderBook({ now: clock.now, isKept: (kind) => kind === 'policy', isHere: () => false })
    const startMs = clock.now()
    book.note(alice, [state('policy', 1, 1), state('other', 1)])
    clock.advance(1_000)
    book.note(alice, [state('policy', 1, 1)])
    book.note(bob, [state('policy', 2, 2)])
    // by something that came faster
    book.note(bob, [{ ...state('policy', 2, 2), ageMs: 300 }])
    expect(book.holders('policy')).toMatchObject([
      { peer: alice, version: 1, sinceMs: startMs },
      { peer: bob, version: 2, sinceMs: startMs + 700 }
    ])
    expect(book.holders('other')).toEqual([])
    clock.advance(1_000)
    book.note(alice, [state('policy', 2, 2)])
    expect(book.holders('policy')).toContainEqual(expect.objectContaining({ version: 2, sinceMs: startMs + 2_000 }))
  })

  it('keeps a member that left for a day, and one that is here for as long as it is', () => {
    const clock = new VirtualClock()
    const book = new HolderBook({ now: clock.now, isKept: () => true, isHere: (peer) => peer.equals(bob) })
    for (const peer of [alice, bob]) book.note(peer, [state('policy', 1)])
    clock.advance(23 * 3_600_000)
    expect(book.holders('policy')).toHaveLength(2)
    clock.advance(2 * 3_600_000)
    expect(book.holders('policy')).toMatchObject([{ peer: bob }])
  })
})

describe('seats', () => {
  it('are given in order, so many at once, so many to each member', async () => {
    const seats = createSeats(2, 2)
    const signal = AbortSignal.timeout(5_000)
    const first = await seats.take('alice', signal)
    await seats.take('alice', signal)
    await expect(seats.take('alice', signal)).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    const order: string[] = []
    const waiting = ['bob', 'carol'].map(async (name) => {
      const leave = await seats.take(name, signal)
      order.push(name)
      return leave
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(order).toEqual([])
    first()
    first()
    ;(await waiting[0])?.()
    await waiting[1]
    expect(order).toEqual(['bob', 'carol'])
  })

  it('are not lost with those who give up waiting', async () => {
    const seats = createSeats(1, 1)
    const leave = await seats.take('alice', AbortSignal.timeout(5_000))
    const gaveUp = new AbortController()
    const impatient = seats.take('bob', gaveUp.signal)
    gaveUp.abort(new Error('too long'))
    await expect(impatient).rejects.toThrow('too long')
    leave()
    const again = await seats.take('bob', AbortSignal.timeout(1_000))
    again()
    await seats.take('alice', AbortSignal.timeout(1_000))
  })
})
