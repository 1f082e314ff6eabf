import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { HeadTimes, parseHedge } from '../../src/gateway/http/failover/hedge.ts'

describe('the delay of a hedge', () => {
  it.each([
    ['95p', { by: 'percentile', percentile: 95 }],
    ['p99', { by: 'percentile', percentile: 99 }],
    ['50p', { by: 'percentile', percentile: 50 }],
    ['200ms', { by: 'time', ms: 200 }],
    ['1.5s', { by: 'time', ms: 1_500 }],
    [`${limits.hedgeDelayMs}ms`, { by: 'time', ms: limits.hedgeDelayMs }]
  ])('%s', (text, expected) => {
    expect(parseHedge(text)).toEqual(expected)
  })

  it.each(['', '95', '49p', '100p', '0ms', '5m', '-1s', `${limits.hedgeDelayMs + 1}ms`, 'p95p'])(
    '%s is none',
    (text) => {
      expect(() => parseHedge(text)).toThrow(expect.objectContaining({ code: 'USAGE' }))
    }
  )

  it('by percentile is what that share of the last answers came within, once some are known', () => {
    const times = new HeadTimes()
    const hedge = parseHedge('95p')
    for (let i = 1; i < 20; i++) times.note(i)
    expect(times.delayOf(hedge)).toBeUndefined()
    expect(times.delayOf(parseHedge('7ms'))).toBe(7)
    for (let i = 20; i <= 100; i++) times.note(i)
    expect(times.delayOf(hedge)).toBe(96)
    for (let i = 0; i < 256; i++) times.note(3)
    expect(times.delayOf(hedge)).toBe(3)
  })
})
