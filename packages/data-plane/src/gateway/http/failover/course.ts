import { limits } from '@agent-mesh/wire'

/** What is known of a request before it is sent. */
export interface CourseInit {
  /** Doing it twice means the same as once. */
  isIdempotent: boolean
  /** A second agent may be asked beside a slow one. */
  mayHedge: boolean
}

/** How an attempt ended that got no answer. */
export interface Setback {
  /** A byte of the request left: the service may have done what it asks. */
  wasSent: boolean
  /** A byte of an answer came, an informational one included. */
  hasAnswer: boolean
  /** It ran on a tunnel that had carried a request before, and that ended: its service may have been done with it. */
  isStale: boolean
  /** Nothing of the body was taken from the client, or all of that is kept. */
  isBodyWhole: boolean
}

/** What there is to go on with. */
export interface Means {
  /** Another agent may be asked. */
  hasOthers: boolean
  /** This service has not been asked too often again. */
  hasBudget: boolean
  /** The client has left. */
  isCancelled: boolean
  /** An agent has been looked for as long as one may be. */
  isLate: boolean
}

/** `stale`: the tunnel had ended; `open`: there was none; `repeat`: it was lost with its agent; `hedge`: it is slow. */
export type Why = 'stale' | 'open' | 'repeat' | 'hedge'

/** Why a request ends with its last failure. */
export type End = 'cancelled' | 'answered' | 'body' | 'not-idempotent' | 'nobody' | 'agents' | 'late' | 'budget'

export type Step =
  | { step: 'ask'; whom: 'same' | 'another'; why: Why; isCharged: boolean }
  /** Another attempt is under way. */
  | { step: 'wait' }
  | { step: 'fail'; why: End }

const wait: Step = { step: 'wait' }
const fail = (why: End): Step => ({ step: 'fail', why })

/**
 * Decides how a request goes on. Pure: what happened goes in, what is to be done comes out.
 *
 * An attempt of which no byte left moves on to the next agent, whatever its method. One that was sent is repeated on
 * another agent where it is idempotent (RFC 9110, section 9.2.2), its body can be said again, no byte of an answer came,
 * the budget allows it, and not more than {@link limits.furtherAgents} others were asked for it. All else ends with the
 * failure: whether the service did it is then for the client to find out.
 */
export class Course {
  readonly #init: CourseInit
  #running = 1
  #further = 0
  #hasRefreshed = false
  #hasHedged = false
  #hasAnswer = false

  /** The first attempt is under way. */
  constructor(init: CourseInit) {
    this.#init = init
  }

  /** Attempts that are under way. */
  get running(): number {
    return this.#running
  }

  /** An attempt ended without an answer. */
  failed(setback: Setback, means: Means): Step {
    this.#running -= 1
    this.#hasAnswer ||= setback.hasAnswer
    if (means.isCancelled) return fail('cancelled')
    if (this.#running > 0) return wait
    const next = this.#after(setback, means)
    if (next.step === 'ask') this.#begin(next)
    return next
  }

  /** The head of an answer is not there after the delay. */
  slow(means: Means): Step {
    const { mayHedge, isIdempotent } = this.#init
    const isOpen = mayHedge && isIdempotent && !this.#hasHedged && this.#running === 1
    const isAllowed = means.hasOthers && means.hasBudget && !means.isCancelled && !means.isLate
    if (!isOpen || !isAllowed || this.#further >= limits.furtherAgents) return wait
    this.#hasHedged = true
    const step: Step = { step: 'ask', whom: 'another', why: 'hedge', isCharged: true }
    this.#begin(step)
    return step
  }

  #begin({ why }: Extract<Step, { step: 'ask' }>): void {
    this.#running += 1
    if (why === 'stale') this.#hasRefreshed = true
    if (why === 'repeat' || why === 'hedge') this.#further += 1
  }

  #after({ wasSent, isStale, isBodyWhole }: Setback, means: Means): Step {
    if (this.#hasAnswer) return fail('answered')
    if (wasSent && !this.#init.isIdempotent) return fail('not-idempotent')
    if (!isBodyWhole) return fail('body')
    if (isStale && !this.#hasRefreshed && (!wasSent || means.hasBudget))
      return { step: 'ask', whom: 'same', why: 'stale', isCharged: wasSent }
    if (!means.hasOthers) return fail('nobody')
    if (means.isLate) return fail('late')
    if (!wasSent) return { step: 'ask', whom: 'another', why: 'open', isCharged: false }
    if (this.#further >= limits.furtherAgents) return fail('agents')
    if (!means.hasBudget) return fail('budget')
    return { step: 'ask', whom: 'another', why: 'repeat', isCharged: true }
  }
}
