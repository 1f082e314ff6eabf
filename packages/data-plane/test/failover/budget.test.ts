import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { Budget } from '../../src/gateway/http/failover/budget.ts'
import { ServiceBook } from '../../src/gateway/http/failover/service-book.ts'

/** @returns how many were granted */
const spendAll = (budget: Budget): number => {
  let granted = 0
  while (budget.isEnough) {
    budget.spend()
    granted += 1
  }
  return granted
}

describe('a budget', () => {
  it('grants what is saved up, and no more', () => {
    const { repeats, hedges } = new ServiceBook(() => 0).of('cap:a/b')
    expect(spendAll(repeats)).toBe(limits.repeatsSaved)
    expect(spendAll(hedges)).toBe(1)
    for (let i = 0; i < 100_000; i++) {
      repeats.deposit()
      hedges.deposit()
    }
    expect(spendAll(repeats)).toBe(limits.repeatsSaved)
    expect(spendAll(hedges)).toBe(limits.hedgesSaved)
  })

  it('grows with time where it is to, so that a service that is asked seldom has one', () => {
    let nowMs = 0
    const { repeats, hedges } = new ServiceBook(() => nowMs).of('cap:a/b')
    spendAll(repeats)
    spendAll(hedges)
    nowMs += 1_000
    expect([spendAll(repeats), spendAll(hedges)]).toEqual([limits.repeatsPerSecond, 0])
  })

  it('is one for each service', () => {
    const book = new ServiceBook(() => 0)
    spendAll(book.of('a').repeats)
    expect(book.of('a').repeats.isEnough).toBe(false)
    expect(book.of('b').repeats.isEnough).toBe(true)
  })

  it('keeps extra requests to its share of all, however they come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 2_000 }),
        fc.double({ min: 0.01, max: 0.5, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        (wanted, perRequest, most) => {
          const budget = new Budget({ perRequest, perSecond: 0, most, now: () => 0 })
          let extra = 0
          for (const isWanted of wanted) {
            budget.deposit()
            if (!isWanted || !budget.isEnough) continue
            budget.spend()
            extra += 1
          }
          expect(extra).toBeLessThanOrEqual(most + wanted.length * perRequest + 1e-6)
        }
      )
    )
  })
})
