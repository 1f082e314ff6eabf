import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { checkSeen, judge, roundTripMs, standsFirst, startDelayMs, takesPart, type Seen } from '../src/plan.ts'

const at = (host: string, port = 40_000): { host: string; port: number } => ({ host, port })
const seen = (host: string, port?: number, mapping: Seen['mapping'] = 'same'): Seen => ({ at: at(host, port), mapping })

const moving = (host: string): Seen => seen(host, 40_000, 'per-destination')

const peers = (count: number): Set<string> => new Set(Array.from({ length: count }, (_, index) => `peer ${index}`))

const ask = (peer: string, count: number): string =>
  takesPart({ self: 'b', peer, isAsking: false, theirs: peers(count) })

describe('what members say of a port', () => {
  it('is nothing where nobody said anything', () => {
    expect(judge([])).toBeUndefined()
  })

  it('leaves the NAT unknown where one was asked', () => {
    expect(judge([at('5.5.5.1')])).toEqual({ at: at('5.5.5.1'), mapping: 'unknown' })
  })

  it('tells a NAT that keeps a port from one that takes another for each destination', () => {
    expect(judge([at('5.5.5.1'), at('5.5.5.1')])?.mapping).toBe('same')
    expect(judge([at('5.5.5.1'), at('5.5.5.1', 40_001)])?.mapping).toBe('per-destination')
    expect(judge([at('5.5.5.1'), at('5.5.5.9')])?.mapping).toBe('per-destination')
  })
})

describe('where the other side says that it is seen', () => {
  it.each(['5.5.5.2', '10.0.0.7', '100.64.0.1'])('may be %s', (host) => {
    expect(() => checkSeen(seen(host), seen('5.5.5.1'))).not.toThrow()
  })

  it.each([
    '127.0.0.1',
    '0.0.0.0',
    '169.254.169.254',
    '224.0.0.1',
    '255.255.255.255',
    'metadata.internal',
    '',
    'fe80::1'
  ])('must not be %s', (host) => {
    expect(() => checkSeen(seen(host), seen(host.includes(':') ? '2001:db8::1' : '5.5.5.1'))).toThrow('no address')
  })

  it('is this machine only for a side that is seen there itself', () => {
    expect(() => checkSeen(seen('127.0.0.1'), seen('127.0.0.1'))).not.toThrow()
  })

  it.each([0, 22, 80, 1023, 65_536, 1.5])('must not have port %s', (port) => {
    expect(() => checkSeen(seen('5.5.5.2', port), seen('5.5.5.1'))).toThrow(`port ${port}`)
  })

  it('is of the same IP family', () => {
    expect(() => checkSeen(seen('2001:db8::2'), seen('5.5.5.1'))).toThrow('One side is seen at 5.5.5.1')
  })

  it('is not tried where neither side can know the port of the other', () => {
    expect(() => checkSeen(moving('5.5.5.2'), moving('5.5.5.1'))).toThrow('another port for each destination')
    expect(() => checkSeen(moving('5.5.5.2'), seen('5.5.5.1'))).not.toThrow()
  })
})

describe('a punch', () => {
  it('that both sides ask for is that of the larger peer id, whoever looks', () => {
    expect([standsFirst('b', 'a'), standsFirst('a', 'b')]).toEqual([true, false])
  })

  it('is taken part in while there are no more than the limit, one with each peer', () => {
    expect(ask('a', limits.punchesInProgress - 1)).toBe('yes')
    expect(ask('a', limits.punchesInProgress)).toBe('busy')
    expect(ask('peer 0', 1)).toBe('busy')
    expect(takesPart({ self: 'b', peer: 'a', isAsking: true, theirs: new Set() })).toBe('crossing')
    expect(takesPart({ self: 'b', peer: 'c', isAsking: true, theirs: new Set() })).toBe('yes')
  })

  it('begins when the other side has read that it does', () => {
    expect(startDelayMs(roundTripMs(180, 100))).toBe(40)
    expect(startDelayMs(roundTripMs(90, 100))).toBe(0)
  })
})
