import { describe, expect, it } from 'vitest'
import { preferred } from '../../src/gateway/http/failover/preference.ts'
import { Shunned } from '../../src/gateway/http/failover/shunned.ts'
import { Stickiness } from '../../src/gateway/http/failover/stickiness.ts'

interface One {
  peerId: string
  service?: string
  isGood?: boolean
}

const candidate = (peerId: string, more: Partial<One> = {}): One => ({ peerId, service: 'web', ...more })
const all = ['a', 'b', 'c'].map((peer) => candidate(peer))

const order = (
  candidates: One[],
  { sticky, asked = [], shunned = [] }: { sticky?: string; asked?: string[]; shunned?: string[] }
): string =>
  preferred(candidates, { sticky, asked: new Set(asked), isShunned: (peer) => shunned.includes(peer) })
    .map(({ peerId }) => peerId)
    .join('')

describe('the agent for a request', () => {
  it('is the one that the client is used to, while nothing speaks against it', () => {
    expect(order(all, {})).toBe('abc')
    expect(order(all, { sticky: 'c' })).toBe('cab')
    expect(order([candidate('a'), candidate('b'), candidate('c', { isGood: false })], { sticky: 'c' })).toBe('abc')
    expect(order(all, { sticky: 'c', shunned: ['c'] })).toBe('abc')
    expect(order(all, { sticky: 'd' })).toBe('abc')
  })

  it('is never one that was asked, or that does not say which service answers', () => {
    expect(order(all, { sticky: 'c', asked: ['c', 'a'] })).toBe('b')
    expect(order([{ peerId: 'd' }, ...all], {})).toBe('abc')
  })

  it('is one that failed a moment ago only where there is no other', () => {
    expect(order(all, { shunned: ['a'] })).toBe('bca')
    expect(order(all, { shunned: ['a'], asked: ['b', 'c'] })).toBe('a')
  })
})

describe('what is remembered', () => {
  it('of a client is bounded, and the longest unchanged goes first', () => {
    const stickiness = new Stickiness()
    const client = {}
    for (let i = 0; i <= 32; i++) stickiness.set(client, `cap-${i}`, 'peer')
    expect([stickiness.get(client, 'cap-0'), stickiness.get(client, 'cap-1')]).toEqual([undefined, 'peer'])
    stickiness.set(client, 'cap-1', 'other')
    expect([stickiness.get(client, 'cap-1'), stickiness.get({}, 'cap-1')]).toEqual(['other', undefined])
  })

  it('of a failure ends with its time, or with an answer', () => {
    let nowMs = 0
    const shunned = new Shunned(2_000, () => nowMs)
    shunned.add('a')
    shunned.add('b')
    shunned.clear('b')
    expect([shunned.has('a'), shunned.has('b')]).toEqual([true, false])
    nowMs = 2_000
    expect(shunned.has('a')).toBe(false)
  })
})
