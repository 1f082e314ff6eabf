import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { Course, type Means, type Setback, type Step } from '../../src/gateway/http/failover/course.ts'

const setback = (more: Partial<Setback> = {}): Setback => ({
  wasSent: true,
  hasAnswer: false,
  isStale: false,
  isBodyWhole: true,
  ...more
})
const means = (more: Partial<Means> = {}): Means => ({
  hasOthers: true,
  hasBudget: true,
  isCancelled: false,
  isLate: false,
  ...more
})
const get = { isIdempotent: true, mayHedge: false }
const post = { isIdempotent: false, mayHedge: false }

const brief = (step: Step): string =>
  step.step === 'ask'
    ? `${step.whom}: ${step.why}${step.isCharged ? ', charged' : ''}`
    : step.step === 'fail'
      ? step.why
      : 'wait'

describe('after an attempt without an answer', () => {
  it.each<[string, typeof get, Partial<Setback>, Partial<Means>, string]>([
    ['a GET whose agent died is repeated on another', get, {}, {}, 'another: repeat, charged'],
    ['a POST whose agent died is not', post, {}, {}, 'not-idempotent'],
    ['a POST of which no byte left moves on', post, { wasSent: false }, {}, 'another: open'],
    [
      'a GET of which no byte left moves on, whatever the budget',
      get,
      { wasSent: false },
      { hasBudget: false },
      'another: open'
    ],
    ['a GET that had a byte of an answer is not repeated', get, { hasAnswer: true }, {}, 'answered'],
    ['a PUT whose body is gone is not repeated', get, { isBodyWhole: false }, {}, 'body'],
    ['a POST whose body is gone does not move on', post, { wasSent: false, isBodyWhole: false }, {}, 'body'],
    ['a GET on a used tunnel goes to the same agent again', get, { isStale: true }, {}, 'same: stale, charged'],
    ['also where there is no other', get, { isStale: true }, { hasOthers: false }, 'same: stale, charged'],
    ['a POST on a used tunnel only where nothing left', post, { isStale: true, wasSent: false }, {}, 'same: stale'],
    ['a POST on a used tunnel is not repeated', post, { isStale: true }, {}, 'not-idempotent'],
    ['without a budget nothing is sent twice', get, {}, { hasBudget: false }, 'budget'],
    ['not to the same one either', get, { isStale: true }, { hasBudget: false, hasOthers: false }, 'nobody'],
    ['without others it ends', get, {}, { hasOthers: false }, 'nobody'],
    ['it ends with the time', get, { wasSent: false }, { isLate: true }, 'late'],
    ['nobody is asked for a client that has left', get, { wasSent: false }, { isCancelled: true }, 'cancelled']
  ])('%s', (_what, course, how, left, expected) => {
    expect(brief(new Course(course).failed(setback(how), means(left)))).toBe(expected)
  })

  it('a request is sent to two further agents, and to no third', () => {
    const course = new Course(get)
    const steps = Array.from({ length: limits.furtherAgents + 1 }, () => brief(course.failed(setback(), means())))
    expect(steps).toEqual(['another: repeat, charged', 'another: repeat, charged', 'agents'])
  })

  it('the same agent is asked again once', () => {
    const course = new Course(get)
    const stale = setback({ isStale: true })
    expect([course.failed(stale, means()), course.failed(stale, means())].map(brief)).toEqual([
      'same: stale, charged',
      'another: repeat, charged'
    ])
  })
})

describe('a slow answer', () => {
  const hedged = { isIdempotent: true, mayHedge: true }

  it.each<[string, typeof get, Partial<Means>, string]>([
    ['has a second agent asked', hedged, {}, 'another: hedge, charged'],
    ['not where nobody wants that', get, {}, 'wait'],
    ['not for a POST', { isIdempotent: false, mayHedge: true }, {}, 'wait'],
    ['not where there is no other', hedged, { hasOthers: false }, 'wait'],
    ['not beyond the budget', hedged, { hasBudget: false }, 'wait']
  ])('%s', (_what, course, left, expected) => {
    expect(brief(new Course(course).slow(means(left)))).toBe(expected)
  })

  it('is hedged once; what fails beside another is waited for', () => {
    const course = new Course(hedged)
    expect(brief(course.slow(means()))).toBe('another: hedge, charged')
    expect(brief(course.slow(means()))).toBe('wait')
    expect(brief(course.failed(setback(), means()))).toBe('wait')
    expect(brief(course.failed(setback(), means()))).toBe('another: repeat, charged')
    expect(brief(course.failed(setback(), means()))).toBe('agents')
  })

  it('is not repeated after the other one had begun to answer', () => {
    const course = new Course(hedged)
    course.slow(means())
    expect(brief(course.failed(setback({ hasAnswer: true }), means()))).toBe('wait')
    expect(brief(course.failed(setback(), means()))).toBe('answered')
  })
})

/** What may happen to a request, in any order. */
const happening = fc.record({
  isSlow: fc.boolean(),
  setback: fc.record({
    wasSent: fc.boolean(),
    hasAnswer: fc.boolean(),
    isStale: fc.boolean(),
    isBodyWhole: fc.boolean()
  }),
  means: fc.record({
    hasOthers: fc.boolean(),
    hasBudget: fc.boolean(),
    isCancelled: fc.boolean(),
    isLate: fc.boolean()
  })
})

describe('whatever happens', () => {
  const seed = Number(process.env['MESH_SEED'] ?? 20_261_123)

  it('no request is sent to more agents than it may be, and none that must not be twice is', () => {
    fc.assert(
      fc.property(
        fc.record({ isIdempotent: fc.boolean(), mayHedge: fc.boolean() }),
        fc.array(happening, { minLength: 1, maxLength: 12 }),
        (init, happenings) => {
          const course = new Course(init)
          let agent = 0
          let hadAnswer = false
          let lostBody = false
          /** Agent of each attempt that is under way, oldest first. */
          const running = [agent]
          const reached = new Set<number>()
          let copies = 0
          for (const one of happenings) {
            let step: Step
            if (one.isSlow) step = course.slow(one.means)
            else {
              const at = running.shift() ?? 0
              if (one.setback.wasSent) {
                reached.add(at)
                copies += 1
              }
              hadAnswer ||= one.setback.hasAnswer
              lostBody = !one.setback.isBodyWhole
              step = course.failed(one.setback, one.means)
              if (step.step === 'ask')
                expect([hadAnswer, lostBody, one.means.isCancelled]).toEqual([false, false, false])
              if (step.step === 'ask' && one.setback.wasSent)
                expect(init.isIdempotent && one.means.hasBudget).toBe(true)
            }
            if (step.step === 'fail') break
            if (step.step === 'wait') continue
            if (step.whom === 'another') {
              expect(one.means.hasOthers).toBe(true)
              agent += 1
              running.push(agent)
            } else running.push(agent)
            expect(step.isCharged || !one.setback.wasSent || one.isSlow).toBe(true)
          }
          expect(course.running).toBeGreaterThanOrEqual(0)
          expect(reached.size).toBeLessThanOrEqual(1 + limits.furtherAgents)
          expect(copies).toBeLessThanOrEqual(init.isIdempotent ? 2 + limits.furtherAgents : 1)
        }
      ),
      { seed, numRuns: 20_000 }
    )
  })
})
