import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
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

  it('the same way in whatever order they come', () => {
    const arbitrary = fc.record(
      {
        peerId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
        isAnswered: fc.boolean(),
        isConnected: fc.constant(false),
        rttMs: fc.integer({ min: 1, max: 3 }),
        issuedMs: fc.integer({ min: 1, max: 3 })
      },
      { requiredKeys: ['peerId', 'isAnswered', 'isConnected'] }
    )
    fc.assert(
      fc.property(
        fc.uniqueArray(arbitrary, { selector: (one) => one.peerId }),
        (inputs) => order(...inputs) === order(...inputs.toReversed())
      )
    )
  })
})
