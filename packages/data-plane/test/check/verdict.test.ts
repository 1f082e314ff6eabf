import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import {
  boundedReason,
  delayMs,
  nextVerdict,
  unchecked,
  type CheckResult,
  type CheckVerdict
} from '../../src/upstream/check/verdict.ts'

const pass: CheckResult = { isOk: true }
const fail: CheckResult = { isOk: false, reason: 'it is broken' }

const after = (results: CheckResult[], threshold = 3): CheckVerdict =>
  results.reduce((verdict, result, i) => nextVerdict(verdict, result, { threshold }, i + 1), unchecked(0))

describe('the verdict on a service', () => {
  it('is healthy with the first check that passes', () => {
    expect(after([pass])).toEqual({ state: 'healthy', sinceMs: 1, against: 0 })
    expect(after([fail, fail, pass])).toMatchObject({ state: 'healthy', sinceMs: 3 })
  })

  it('is failing after as many failed checks in a row as were asked for, and not before', () => {
    expect(after([pass, fail, fail])).toEqual({ state: 'healthy', sinceMs: 1, against: 2 })
    expect(after([pass, fail, fail, fail])).toEqual({
      state: 'failing',
      sinceMs: 4,
      reason: 'it is broken',
      against: 0
    })
    expect(after([pass, fail, fail, pass, fail, fail])).toMatchObject({ state: 'healthy', sinceMs: 1 })
    expect(after([fail, fail])).toMatchObject({ state: 'unchecked', sinceMs: 0 })
    expect(after([fail], 1)).toMatchObject({ state: 'failing', sinceMs: 1 })
  })

  it('comes back after two passes in a row, or one where one failure was enough', () => {
    const failing = [fail, fail, fail]
    expect(after([...failing, pass])).toMatchObject({ state: 'failing', sinceMs: 3 })
    expect(after([...failing, pass, fail, pass])).toMatchObject({ state: 'failing', sinceMs: 3 })
    expect(after([...failing, pass, pass])).toEqual({ state: 'healthy', sinceMs: 5, against: 0 })
    expect(after([fail, pass], 1)).toMatchObject({ state: 'healthy', sinceMs: 2 })
  })

  it('tells the reason of the last failed check, cut to its limit', () => {
    const long: CheckResult = { isOk: false, reason: 'x'.repeat(limits.checkReasonLength + 1) }
    expect(after([fail, fail, fail, long]).reason).toBe(`${'x'.repeat(limits.checkReasonLength)}…`)
    expect(boundedReason('a\u001b[2Jb')).toBe('a\\u{1b}[2Jb')
  })

  it('changes its state only at the end of a row of results that all say so', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), (passes, threshold) => {
        let verdict = unchecked(0)
        passes.forEach((isOk, i) => {
          const before = verdict.state
          verdict = nextVerdict(verdict, isOk ? pass : fail, { threshold }, i)
          if (verdict.state === before) return
          const row = verdict.state === 'failing' ? threshold : before === 'failing' ? Math.min(2, threshold) : 1
          expect(passes.slice(i + 1 - row, i + 1)).toEqual(Array<boolean>(row).fill(verdict.state === 'healthy'))
        })
      })
    )
  })
})

describe('the next check', () => {
  it('comes after the interval, a tenth more or less, and sooner while there is doubt', () => {
    const settings = { intervalMs: 10_000 }
    expect([0, 0.5, 1].map((random) => delayMs(after([pass]), settings, random))).toEqual([9_000, 10_000, 11_000])
    expect(delayMs(after([pass, fail]), settings, 0.5)).toBe(1_000)
    expect(delayMs(after([pass, fail]), { intervalMs: 500 }, 0.5)).toBe(500)
    expect(delayMs(after([pass, fail, fail, fail]), settings, 0.5)).toBe(10_000)
  })
})
