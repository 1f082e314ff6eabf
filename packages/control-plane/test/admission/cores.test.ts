import { describe, expect, it, vi } from 'vitest'
import { createTestNetwork, VirtualClock } from '@agent-mesh/testkit'
import { limits, MeshError } from '@agent-mesh/wire'
import { BoundedMap } from '../../src/admission/bounded-map.ts'
import { ExpiryTimer } from '../../src/admission/expiry-timer.ts'
import { MemberBook } from '../../src/admission/member-book.ts'
import { RefusalMemory } from '../../src/admission/refusal-memory.ts'
import { Roster } from '../../src/admission/roster.ts'
import { TokenBuckets } from '../../src/admission/token-buckets.ts'
import { nextVisitState, type VisitEvent, type VisitState } from '../../src/admission/visit.ts'
import { partly } from './fixture.ts'
import type { Connection, PeerId } from '@libp2p/interface'
import type { Membership } from '@agent-mesh/identity'
import type { Greeting } from '../../src/index.ts'

const newPeer = async (): Promise<PeerId> => (await (await createTestNetwork()).member('any')).peerId

const connectionTo = (remotePeer: PeerId): Connection => partly<Connection>({ remotePeer })

const greetingOf = (instanceId: string): Greeting => partly<Greeting>({ instanceId })

const membershipOf = (peerId: PeerId, serial: string, notAfterMs: number): Membership =>
  partly<Membership>({ peerId, serial, notAfterMs, issuedMs: 0 })

const newBuckets = (capacity: number, perSecond: number, keys = 10) => {
  const clock = new VirtualClock()
  return { clock, buckets: new TokenBuckets({ capacity, perSecond, keys, now: clock.now }) }
}

describe('token buckets', () => {
  it('give as many tokens as they hold, and one past it none', () => {
    const { buckets } = newBuckets(3, 1)
    expect([1, 2, 3, 4].map(() => buckets.take('a'))).toEqual([true, true, true, false])
    expect(buckets.take('b')).toBe(true)
  })

  it('fill up with time, to the brim and no further', () => {
    const { buckets, clock } = newBuckets(2, 4)
    while (buckets.take('a'));
    clock.advance(249)
    expect(buckets.take('a')).toBe(false)
    clock.advance(1)
    expect(buckets.take('a')).toBe(true)
    clock.advance(60_000)
    expect([1, 2, 3].map(() => buckets.take('a'))).toEqual([true, true, false])
  })

  it('take nothing away when the clock is set back', () => {
    const { buckets, clock } = newBuckets(2, 1)
    buckets.take('a')
    clock.jump(-3_600_000)
    expect([1, 2].map(() => buckets.take('a'))).toEqual([true, false])
  })

  it('take tokens back, to the brim', () => {
    const { buckets } = newBuckets(1, 1)
    buckets.take('a')
    buckets.giveBack('a')
    buckets.giveBack('a')
    buckets.giveBack('unknown')
    expect([1, 2].map(() => buckets.take('a'))).toEqual([true, false])
  })

  it('remember a bounded number of keys', () => {
    const { buckets } = newBuckets(1, 1, 100)
    for (let key = 0; key <= 100; key += 1) buckets.take(`host ${key}`)
    expect(buckets.size).toBe(100)
    expect(buckets.take('host 1')).toBe(false)
    expect(buckets.take('host 0')).toBe(true)
  })
})

describe('a bounded map', () => {
  it('forgets what was written longest ago, at one past its size', () => {
    const map = new BoundedMap<string, number>(2)
    expect(map.set('a', 1)).toBeUndefined()
    map.set('b', 2)
    map.set('a', 3)
    expect(map.set('c', 4)).toBe('b')
    expect([map.get('a'), map.has('b'), map.size]).toEqual([3, false, 2])
  })

  it('passes over what has to stay', () => {
    const map = new BoundedMap<string, number>(1, (key) => key === 'kept')
    map.set('kept', 1)
    expect(map.set('a', 1)).toBeUndefined()
    expect(map.set('b', 1)).toBe('a')
    expect(map.has('kept')).toBe(true)
  })
})

const newMemory = (peers = 10) => {
  const clock = new VirtualClock()
  return { clock, memory: new RefusalMemory({ now: clock.now, backoffMs: 1_000, backoffMaxMs: 5_000, peers }) }
}

describe('the memory of refusals', () => {
  it('doubles the pause with every refusal in a row, to the maximum', () => {
    const { clock, memory } = newMemory()
    const pauses: number[] = []
    for (let times = 0; times < 5; times += 1) {
      const { untilMs } = memory.note('a', 'DENIED', 'no')
      pauses.push(untilMs - clock.now())
      clock.advance(untilMs - clock.now())
      expect(memory.get('a')).toBeUndefined()
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 5_000, 5_000])
  })

  it('ends a row when the peer was left alone long enough, or admitted us', () => {
    const { clock, memory } = newMemory()
    memory.note('a', 'DENIED', 'no')
    clock.advance(2_000)
    expect(memory.note('a', 'DENIED', 'no').times).toBe(1)
    memory.forget('a')
    expect(memory.note('a', 'DENIED', 'no').times).toBe(1)
    expect(memory.note('a', 'DENIED', 'no').times).toBe(2)
    memory.clear()
    expect(memory.get('a')).toBeUndefined()
  })

  it('does not leave a peer alone for longer because the clock was set back', () => {
    const { clock, memory } = newMemory()
    memory.note('a', 'DENIED', 'no')
    clock.jump(-3_600_000)
    expect(memory.get('a')).toBeUndefined()
    expect(memory.note('a', 'DENIED', 'no').times).toBe(2)
    expect(memory.get('a')).toBeDefined()
  })

  it('waits as long as the peer asks, to the maximum', () => {
    const { clock, memory } = newMemory()
    expect(memory.note('a', 'RATE_LIMITED', 'later', 3_000).untilMs - clock.now()).toBe(3_000)
    expect(memory.note('b', 'RATE_LIMITED', 'later', 4_294_967_295).untilMs - clock.now()).toBe(5_000)
  })

  it('is bounded', () => {
    const { memory } = newMemory(3)
    for (const peer of ['a', 'b', 'c', 'd']) memory.note(peer, 'DENIED', 'no')
    expect(memory.size).toBe(3)
    expect(memory.get('a')).toBeUndefined()
  })
})

describe('the roster', () => {
  it('counts a peer by its connections', async () => {
    const roster = new Roster()
    const peer = await newPeer()
    const [one, two] = [connectionTo(peer), connectionTo(peer)]
    expect(roster.arrive(one, greetingOf('x'), 1)).toEqual({ is: 'first' })
    expect(roster.arrive(two, greetingOf('x'), 2)).toEqual({ is: 'further' })
    expect(roster.connections(peer)).toEqual([one, two])
    expect(roster.depart(one)).toEqual({ is: 'one', remaining: two })
    expect(roster.depart(one)).toEqual({ is: 'unknown' })
    expect(roster.has(peer)).toBe(true)
    expect(roster.depart(two)).toEqual({ is: 'last', peerId: peer })
    expect(roster.peers()).toEqual([])
  })

  it('takes a new instance for a restart, and an older connection for a dead one', async () => {
    const roster = new Roster()
    const peer = await newPeer()
    const [first, second, third] = [connectionTo(peer), connectionTo(peer), connectionTo(peer)]
    roster.arrive(first, greetingOf('x'), 2)
    expect(roster.arrive(third, greetingOf('y'), 3)).toEqual({ is: 'restarted', dead: [first] })
    expect(roster.isHere(first)).toBe(false)
    expect(roster.arrive(second, greetingOf('x'), 1)).toEqual({ is: 'dead' })
    expect(roster.depart(first)).toEqual({ is: 'unknown' })
    expect(roster.connections(peer)).toEqual([third])
    expect(roster.remove(peer)).toEqual([third])
    expect(roster.has(peer)).toBe(false)
  })
})

const walk = (...events: VisitEvent[]): Array<VisitState['is'] | undefined> => {
  let state: VisitState = { is: 'waiting' }
  return events.map((event) => {
    const next = nextVisitState(state, event)
    state = next ?? state
    return next?.is
  })
}

describe('a visit', () => {
  const error = new MeshError('HELLO_TIMEOUT')
  it('is admitted once, or joins once and is never admitted', () => {
    expect(walk('admit', 'admit', 'joinBegins', error, error)).toEqual([
      'admitted',
      undefined,
      undefined,
      'refused',
      undefined
    ])
    expect(walk('joinBegins', 'joinBegins', 'admit', 'joinEnds', 'joinEnds', 'joinBegins', 'admit')).toEqual([
      'joining',
      undefined,
      undefined,
      'joined',
      undefined,
      undefined,
      undefined
    ])
    expect(walk('joinEnds', error, 'admit', 'joinBegins')).toEqual([undefined, 'refused', undefined, undefined])
  })
})

const newBook = (self: PeerId) => {
  const clock = new VirtualClock()
  const isDenied = vi.fn<() => 'DENIED' | undefined>()
  return { clock, isDenied, book: new MemberBook({ self, now: clock.now, isDenied, isPresent: () => false }) }
}

describe('the book of members', () => {
  it('knows itself, and members until their certificates are over', async () => {
    const [self, peer] = [await newPeer(), await newPeer()]
    const { book, clock, isDenied } = newBook(self)
    expect([book.knows(self), book.knows(peer)]).toEqual([true, false])
    book.admit(membershipOf(peer, 's', clock.now()))
    clock.advance(limits.clockToleranceMs)
    expect(book.knows(peer)).toBe(true)
    isDenied.mockReturnValueOnce('DENIED')
    expect(book.knows(peer)).toBe(false)
    clock.advance(1)
    expect(book.knows(peer)).toBe(false)
    expect(book.membership(peer)?.serial).toBe('s')
  })

  it('expels a certificate, not a peer, where it has seen one', async () => {
    const [self, peer, unseen] = [await newPeer(), await newPeer(), await newPeer()]
    const { book, clock } = newBook(self)
    const until = clock.now() + 1_000
    book.admit(membershipOf(peer, 'old', until))
    book.expel(peer, 'CERTIFICATE_EXPIRED')
    expect(book.deny(peer, membershipOf(peer, 'old', until))).toBe('CERTIFICATE_EXPIRED')
    expect(book.deny(peer, membershipOf(peer, 'new', until))).toBeUndefined()
    book.expel(unseen, 'DENIED')
    expect(book.deny(unseen, membershipOf(unseen, 'any', until))).toBe('DENIED')
  })

  it('does not hold it against a peer that a connection broke', async () => {
    const [self, peer] = [await newPeer(), await newPeer()]
    const { book } = newBook(self)
    for (const code of ['CONNECTION_LOST', 'HELLO_TIMEOUT', 'SHUTTING_DOWN'] as const)
      book.refused(peer, new MeshError(code))
    expect(book.refusal(peer)).toBeUndefined()
    book.refused(peer, new MeshError('CLOCK_SKEW'))
    expect(book.refusal(peer)).toMatchObject({
      code: 'REFUSED_EARLIER',
      details: { code: 'CLOCK_SKEW', retryAfterMs: limits.refusalBackoffMs }
    })
    book.admit(membershipOf(peer, 's', 0))
    expect(book.refusal(peer)).toBeUndefined()
  })

  it('learns what lasts longer', async () => {
    const [self, peer] = [await newPeer(), await newPeer()]
    const { book, clock } = newBook(self)
    const until = clock.now() + 10
    expect(book.learn(membershipOf(peer, 'one', until))).toBe(true)
    expect(book.learn(membershipOf(peer, 'two', until))).toBe(false)
    expect(book.learn(membershipOf(peer, 'three', until + 1))).toBe(true)
    expect(book.membership(peer)?.serial).toBe('three')
  })

  it('learns what was issued later, and nothing that is denied; what is denied gives way', async () => {
    const [self, peer] = [await newPeer(), await newPeer()]
    const { book, clock } = newBook(self)
    const until = clock.now() + 1_000
    book.admit({ ...membershipOf(peer, 'long', until), issuedMs: 5 })
    expect(book.learn({ ...membershipOf(peer, 'earlier', until + 1), issuedMs: 4 })).toBe(false)
    expect(book.learn({ ...membershipOf(peer, 'later', until - 1), issuedMs: 6 })).toBe(true)
    book.expel(peer, 'REVOKED')
    expect(book.refusal(peer)?.code).toBe('REVOKED')
    expect(book.learn({ ...membershipOf(peer, 'later', until - 1), issuedMs: 7 })).toBe(false)
    expect(book.learn({ ...membershipOf(peer, 'again', until - 2), issuedMs: 5 })).toBe(true)
    expect(book.deny(peer, book.membership(peer))).toBeUndefined()
  })
})

describe('the timer of certificates', () => {
  it('waits for the earliest end and its tolerance, a month ahead too, and sees a clock that was set', () => {
    vi.useFakeTimers()
    try {
      const month = 30 * 24 * 3_600_000
      let ends = [Date.now() + month, Date.now() + 2 * month]
      const onExpired = vi.fn(() => {
        ends = ends.filter((end) => end + limits.clockToleranceMs >= Date.now())
      })
      const timer = new ExpiryTimer({ now: Date.now, ends: () => ends, onExpired })
      timer.arm()
      expect(vi.getTimerCount()).toBe(1)
      vi.advanceTimersByTime(month + limits.clockToleranceMs)
      expect(onExpired).not.toHaveBeenCalled()
      vi.advanceTimersByTime(2)
      expect(onExpired).toHaveBeenCalledTimes(1)
      vi.setSystemTime(Date.now() + month)
      vi.advanceTimersByTime(60_000)
      expect(onExpired).toHaveBeenCalledTimes(2)
      expect(vi.getTimerCount()).toBe(0)
      timer.stop()
    } finally {
      vi.useRealTimers()
    }
  })
})
