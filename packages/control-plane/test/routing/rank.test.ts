import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HealthState, ServiceState } from '../../src/health/interface.ts'
import { rank, type RankInput } from '../../src/routing/rank.ts'

const now = 1_000_000
const input = (peerId: string, more: Partial<RankInput> = {}): RankInput => ({
  peerId,
  isAnswered: true,
  isConnected: false,
  ...more
})

const order = (...inputs: RankInput[]): string =>
  rank(inputs, now)
    .map(({ candidate }) => candidate.peerId)
    .join('')

describe('candidates are ranked', () => {
  it('by answer, failure, connection, path, round trip, age and id, in this order', () => {
    const failure = { code: 'UNREACHABLE', atMs: now - 1_000 } as const
    const connected = { isConnected: true, path: 'direct' } as const
    expect(order(input('b', { ...connected, isAnswered: false }), input('a', { failure }))).toBe('ab')
    expect(order(input('b', { ...connected, failure }), input('a'))).toBe('ab')
    expect(order(input('b', { rttMs: 1 }), input('a', connected))).toBe('ab')
    expect(
      order(input('b', { ...connected, path: 'relayed', rttMs: 1 }), input('a', { ...connected, rttMs: 50 }))
    ).toBe('ab')
    expect(order(input('b', { ...connected, rttMs: 50 }), input('a', { ...connected, rttMs: 1 }))).toBe('ab')
    expect(order(input('b', { ...connected, rttMs: 4 }), input('a', { ...connected, rttMs: 5 }))).toBe('ba')
    expect(order(input('b', { issuedMs: 1 }), input('a', { issuedMs: 2 }))).toBe('ab')
    expect(order(input('b'), input('a'))).toBe('ab')
  })

  it('forgetting a failure after half a minute', () => {
    const failed = (atMs: number): RankInput =>
      input('a', { isConnected: true, path: 'local', failure: { code: 'UNREACHABLE', atMs } })
    expect([order(failed(now - 29_999), input('b')), order(failed(now - 30_000), input('b'))]).toEqual(['ba', 'ab'])
  })

  it('with the reason in words', () => {
    const reasons = rank(
      [
        input('a', { isConnected: true, path: 'direct', rttMs: 3.21, issuedMs: now - 12_000 }),
        input('b', { rttMs: 80, failure: { code: 'CONNECTION_LOST', atMs: now - 5_000 } }),
        input('c', { isAnswered: false })
      ],
      now
    ).map(({ reason }) => reason)
    expect(reasons).toEqual([
      'connected (direct), 3.2 ms; record of 12 s ago',
      'not connected, 80 ms; CONNECTION_LOST 5 s ago',
      'not connected; no service answers it'
    ])
  })

  it('by admission, policy, health, service, failure, path, round trip, lag, load and weight, in this order', () => {
    const health = (state: HealthState) => ({ health: { state, sinceMs: now - 9_000, reason: 'a probe' } })
    const best: Partial<RankInput> = {
      isConnected: true,
      path: 'local',
      rttMs: 1,
      load: { eventLoopLagMs: 1, tunnels: 1 },
      weight: 2,
      ...health('alive')
    }
    /** Each is worse than `best` in one dimension, the more important one first. */
    const worse: Array<[string, Partial<RankInput>]> = [
      ['answer', { isAnswered: false }],
      ['admission', { refusal: { code: 'NOT_A_MEMBER' } }],
      ['policy', { policy: { allowed: false, rule: 'nothing grants it' } }],
      ['health', health('suspect')],
      ['service', { service: { state: 'failing', sinceMs: 1, reason: 'x' } }],
      ['failure', { failure: { code: 'TIMEOUT', atMs: now - 1 }, health: { ...health('alive').health, sinceMs: 1 } }],
      ['path', { path: 'direct' }],
      ['rtt', { rttMs: 100 }],
      ['load', { load: { eventLoopLagMs: 600, tunnels: 1 } }],
      ['load', { load: { eventLoopLagMs: 1, tunnels: 2 } }],
      ['weight', { weight: 1, load: { eventLoopLagMs: 1, tunnels: 0.5 } }],
      ['rtt', { rttMs: 1.5 }],
      ['load', { load: { eventLoopLagMs: 1.5, tunnels: 1 } }]
    ]
    // later letters are better, so that the peer id never decides
    const inputs = worse.map(([, more], i) => input(String.fromCharCode(122 - i), { ...best, ...more }))
    const ranked = rank([...inputs, input('a', best)], now)
    expect(ranked.map(({ candidate }) => candidate.peerId)).toEqual([
      'a',
      ...inputs.map(({ peerId }) => peerId).toReversed()
    ])
    for (const [dimension, more] of worse)
      expect(rank([input('b', { ...best, ...more }), input('c', best)], now)[1]?.behindBy).toBe(dimension)
  })

  it('those of unknown health between the living and the suspects; the dead and those that left are not usable', () => {
    const states: Array<HealthState | undefined> = ['left', 'dead', 'unreachable', 'suspect', undefined, 'alive']
    const ranked = rank(
      states.map((state, i) =>
        input(String(i), state === undefined ? {} : { health: { state, sinceMs: now - 12_000, reason: 'a probe' } })
      ),
      now
    )
    expect(ranked.map(({ candidate, isUsable, isGood }) => [candidate.health?.state, isUsable, isGood])).toEqual([
      ['alive', true, true],
      [undefined, true, true],
      ['suspect', true, false],
      ['unreachable', true, false],
      ['dead', false, false],
      ['left', false, false]
    ])
    expect(ranked[4]?.reason).toBe('dead for 12 s: a probe; not connected')
    expect(rank([input('a', { refusal: { code: 'REVOKED' } })], now)[0]?.isUsable).toBe(false)
  })

  it('forgetting a failure once the peer has come back', () => {
    const back = (sinceMs: number): boolean =>
      rank(
        [
          input('a', {
            failure: { code: 'UNREACHABLE', atMs: now - 5_000 },
            health: { state: 'alive', sinceMs, reason: '' }
          })
        ],
        now
      )[0]?.isGood === true
    expect([back(now - 6_000), back(now - 4_000)]).toEqual([false, true])
  })

  it('those whose round trip nobody measured beside the near ones, or they would never be tried', () => {
    const connected = { isConnected: true, path: 'local' } as const
    const tiers = rank(
      [input('a', { ...connected, rttMs: 2 }), input('b', connected), input('c', { ...connected, openMs: 900 })],
      now
    )
    expect(tiers.map(({ candidate, tier }) => `${candidate.peerId}${tier}`)).toEqual(['a0', 'b0', 'c0'])
  })

  it('in tiers: of one tier are those that differ in load, weight and a little round trip alone', () => {
    const near = { isConnected: true, path: 'local' } as const
    const tiers = rank(
      [
        input('a', { ...near, rttMs: 1, load: { eventLoopLagMs: 3, tunnels: 9 } }),
        input('b', { ...near, rttMs: 49, weight: 3 }),
        input('c', { ...near, rttMs: 51 }),
        input('d', { ...near, path: 'relayed', rttMs: 1 })
      ],
      now
    )
    expect(tiers.map(({ candidate, tier }) => `${candidate.peerId}${tier}`)).toEqual(['b0', 'a0', 'c1', 'd2'])
  })
})

const states: HealthState[] = ['alive', 'suspect', 'unreachable', 'dead', 'left']
const services: ServiceState[] = ['healthy', 'unchecked', 'failing']
const paths = ['local', 'direct', 'punched', 'webrtc', 'relayed'] as const

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined })

/** Few values for each dimension, so that candidates agree in many of them. */
const arbitraryInput: fc.Arbitrary<RankInput> = fc
  .record({
    peerId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    isAnswered: fc.boolean(),
    isConnected: fc.boolean(),
    isRefused: fc.boolean(),
    isAllowed: optional(fc.boolean()),
    state: optional(fc.constantFrom(...states)),
    service: optional(fc.constantFrom(...services)),
    failedMs: optional(fc.constantFrom(1_000, 40_000)),
    path: optional(fc.constantFrom(...paths)),
    rttMs: optional(fc.constantFrom(1, 2, 60, 200, 1_000)),
    openMs: optional(fc.constantFrom(1, 2, 60, 200)),
    lagMs: optional(fc.constantFrom(1, 2, 700, 3_000)),
    tunnels: fc.integer({ min: 0, max: 3 }),
    weight: optional(fc.integer({ min: 1, max: 3 })),
    issuedMs: optional(fc.integer({ min: 1, max: 3 }))
  })
  .map((one) => ({
    peerId: one.peerId,
    isAnswered: one.isAnswered,
    isConnected: one.isConnected,
    ...(one.isRefused ? { refusal: { code: 'NOT_A_MEMBER' as const } } : {}),
    ...(one.isAllowed === undefined ? {} : { policy: { allowed: one.isAllowed, rule: 'a rule' } }),
    ...(one.state === undefined ? {} : { health: { state: one.state, sinceMs: 1, reason: '' } }),
    ...(one.service === undefined ? {} : { service: { state: one.service, sinceMs: 1 } }),
    ...(one.failedMs === undefined ? {} : { failure: { code: 'TIMEOUT' as const, atMs: now - one.failedMs } }),
    ...(one.isConnected && one.path !== undefined ? { path: one.path } : {}),
    ...(one.rttMs === undefined ? {} : { rttMs: one.rttMs }),
    ...(one.openMs === undefined ? {} : { openMs: one.openMs }),
    ...(one.lagMs === undefined ? {} : { load: { eventLoopLagMs: one.lagMs, tunnels: one.tunnels } }),
    ...(one.weight === undefined ? {} : { weight: one.weight }),
    ...(one.issuedMs === undefined ? {} : { issuedMs: one.issuedMs })
  }))

const distinct = fc.uniqueArray(arbitraryInput, { selector: ({ peerId }) => peerId, minLength: 1, maxLength: 6 })

const without =
  (field: 'refusal' | 'failure') =>
  (one: RankInput): RankInput => {
    const { [field]: gone, ...rest } = one
    return gone === undefined ? one : rest
  }

/** What makes one candidate better in one dimension, as far as it is not the best there already. */
const improvements: Array<(one: RankInput) => RankInput> = [
  (one) => ({ ...one, isAnswered: true }),
  without('refusal'),
  (one) => (one.policy === undefined ? one : { ...one, policy: { ...one.policy, allowed: true } }),
  (one) => {
    const better = one.health === undefined ? undefined : states[states.indexOf(one.health.state) - 1]
    return one.health === undefined || better === undefined ? one : { ...one, health: { ...one.health, state: better } }
  },
  (one) => (one.service === undefined ? one : { ...one, service: { ...one.service, state: 'healthy' } }),
  without('failure'),
  (one) =>
    one.isConnected
      ? { ...one, path: paths[Math.max(0, paths.indexOf(one.path ?? 'relayed') - 1)] ?? 'local' }
      : { ...one, isConnected: true, path: 'relayed' },
  (one) => (one.rttMs === undefined ? one : { ...one, rttMs: one.rttMs / 3 }),
  (one) => (one.openMs === undefined ? one : { ...one, openMs: one.openMs / 3 }),
  (one) =>
    one.load === undefined ? one : { ...one, load: { ...one.load, eventLoopLagMs: one.load.eventLoopLagMs / 3 } },
  (one) =>
    one.load === undefined ? one : { ...one, load: { ...one.load, tunnels: Math.max(0, one.load.tunnels - 1) } },
  (one) => ({ ...one, weight: (one.weight ?? 1) + 1 }),
  (one) => (one.issuedMs === undefined ? one : { ...one, issuedMs: one.issuedMs + 1 })
]

describe('the order', () => {
  it('is total and the same in whatever order they come', () => {
    fc.assert(
      fc.property(distinct, fc.infiniteStream(fc.nat()), (inputs, keys) => {
        const shuffled = inputs
          .map((one) => ({ one, key: keys.next().value ?? 0 }))
          .toSorted((a, b) => a.key - b.key)
          .map(({ one }) => one)
        expect(rank(shuffled, now)).toEqual(rank(inputs, now))
        const places = rank(inputs, now)
        // pairs stand to each other as they do among all the others
        for (const [i, before] of places.entries())
          for (const after of places.slice(i + 1))
            expect(order(after.candidate, before.candidate)).toBe(before.candidate.peerId + after.candidate.peerId)
        expect(places.every(({ tier }, i) => tier >= (places[i - 1]?.tier ?? 0))).toBe(true)
      }),
      { numRuns: 1_000 }
    )
  })

  it('never puts a candidate further back, or into a lower tier, for being better in one dimension', () => {
    fc.assert(
      fc.property(distinct, fc.nat(), fc.constantFrom(...improvements), (inputs, at, improve) => {
        const index = at % inputs.length
        const chosen = inputs[index]
        if (chosen === undefined) return
        const { peerId } = chosen
        const placeIn = (all: RankInput[]): number =>
          rank(all, now).findIndex(({ candidate }) => candidate.peerId === peerId)
        expect(placeIn(inputs.with(index, improve(chosen)))).toBeLessThanOrEqual(placeIn(inputs))
      }),
      { numRuns: 3_000 }
    )
  })
})
