import type { IncomingMessage } from 'node:http'
import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import { withDeadline } from '../../deadline.ts'
import type { ExchangeEvent } from '../../events.ts'
import { formatDestination, type Destination } from '../destination.ts'
import type { ListCandidates } from '../open-target.ts'
import { startAttempt, AttemptError, type Answer, type Attempt } from './attempt.ts'
import { Finder, type Found } from './failover/finder.ts'
import { Course, type End, type Means } from './failover/course.ts'
import type { Hedge } from './failover/hedge.ts'
import { ServiceBook, type ServiceMemory } from './failover/service-book.ts'
import type { RawHeaders } from './header-rules.ts'
import { KeptBytes, RequestBody } from './request-body.ts'
import type { TunnelPool } from './tunnel-agent.ts'

/** One request on its way to a service. */
interface ExchangeRequest {
  destination: Destination
  /** Connection of the client: its requests to one capability go to one agent. */
  client: object
  method: string
  path: string
  /** As it goes out. */
  headers: string[]
  /** Doing it twice means the same as once: it may be repeated where no byte of an answer came. */
  isIdempotent: boolean
  /** Body and trailers; absent where the head says that there is none. */
  body?: { stream: IncomingMessage; rawTrailers: () => RawHeaders } | undefined
  signal: AbortSignal
  onContinue?: (() => void) | undefined
  /** Another informational answer, before the final one. */
  onInformation?: ((statusCode: number, rawHeaders: RawHeaders) => void) | undefined
}

/** An agent that was asked and did not answer. */
interface FailedAttempt {
  /** Absent where the request was not for a capability. */
  peerId: string | undefined
  error: MeshError
  /** The request, or a part of it, had left: the service may have done what it asks. */
  wasSent: boolean
}

/** An exchange whose response head has come, and who was asked in vain before. */
export type OpenedExchange = Answer & { attempts: readonly FailedAttempt[] }

/** An exchange that got no response. */
export interface FailedExchange extends FailedAttempt {
  /** Those before the last one. */
  attempts: readonly FailedAttempt[]
}

export class ExchangeError extends Error {
  readonly failed: FailedExchange

  constructor(failed: FailedExchange) {
    super(failed.error.message, { cause: failed.error })
    this.failed = failed
  }
}

/**
 * Sends a request and waits for the head of its response. Which agent answers, how often it is tried and when another one
 * is asked beside it is decided behind this function.
 * @throws ExchangeError
 */
export type OpenExchange = (request: ExchangeRequest) => Promise<OpenedExchange>

export interface ExchangeOpenerInit {
  pool: TunnelPool
  candidates: ListCandidates
  /** When a second agent is asked beside a slow one. Default: never. */
  hedge?: Hedge | undefined
  onEvent?: ((event: ExchangeEvent) => void) | undefined
  /** Monotonic milliseconds. */
  now?: () => number
}

interface Parts extends ExchangeOpenerInit {
  finder: Finder
  book: ServiceBook
  kept: KeptBytes
  now: () => number
}

/** Over tunnels of a pool. */
export const createExchangeOpener = (init: ExchangeOpenerInit): OpenExchange => {
  const now = init.now ?? (() => performance.now())
  const parts: Parts = {
    ...init,
    now,
    finder: new Finder({ candidates: init.candidates, waiting: (key) => init.pool.waiting(key), now }),
    book: new ServiceBook(now),
    kept: new KeptBytes()
  }
  return async (request) => new Exchange(parts, request).run()
}

/** One attempt of an exchange. */
interface Run {
  attempt: Attempt
  found: Found
  startedMs: number
  isHedge: boolean
}

/** Ends of requests that the bounds of repetition brought about, and not the request itself. */
const isWithheld = (why: End): boolean => ['nobody', 'agents', 'late', 'budget'].includes(why)

const notFoundInTime = (): MeshError => new MeshError('TIMEOUT', 'No other agent was found in time.')

class Exchange {
  readonly #parts: Parts
  readonly #request: ExchangeRequest
  readonly #target: string
  readonly #memory: ServiceMemory
  readonly #body: RequestBody | undefined
  readonly #course: Course
  readonly #live = new Set<Run>()
  readonly #asked = new Set<string>()
  readonly #attempts: FailedAttempt[] = []
  readonly #outcome = Promise.withResolvers<OpenedExchange>()
  #isSettled = false
  #hasHedged = false
  #answeredBy: Run | undefined
  #searchedSinceMs: number
  #hedging: NodeJS.Timeout | undefined

  constructor(parts: Parts, request: ExchangeRequest) {
    const { isIdempotent, body, destination } = request
    this.#parts = parts
    this.#request = request
    this.#target = formatDestination(destination)
    this.#memory = parts.book.of(this.#target)
    this.#body = body && new RequestBody({ ...body, kept: isIdempotent ? parts.kept : undefined })
    const mayHedge = parts.hedge !== undefined && body === undefined && Finder.isCapability(destination)
    this.#course = new Course({ isIdempotent, mayHedge })
    this.#searchedSinceMs = parts.now()
    this.#memory.repeats.deposit()
    if (mayHedge && isIdempotent) {
      this.#memory.hedges.deposit()
      const delayMs = parts.hedge && this.#memory.headTimes.delayOf(parts.hedge)
      if (delayMs !== undefined) this.#hedging = setTimeout(() => void this.#onSlow(), delayMs)
    }
  }

  async run(): Promise<OpenedExchange> {
    const { signal } = this.#request
    signal.addEventListener('abort', this.#onAbort, { once: true })
    if (signal.aborted) this.#onAbort()
    else void this.#begin()
    try {
      const opened = await this.#outcome.promise
      if (opened.kind === 'upgraded') signal.removeEventListener('abort', this.#onAbort)
      return opened
    } finally {
      clearTimeout(this.#hedging)
      this.#body?.forget()
    }
  }

  async #begin(): Promise<void> {
    try {
      const found = await this.#find(this.#request.signal)
      if (this.#isSettled) return
      if (found === undefined) throw new MeshError('NOT_FOUND', `Nobody answers ${this.#target}.`)
      this.#start(found)
    } catch (err) {
      this.#fail({ peerId: undefined, error: toMeshError(err), wasSent: false })
    }
  }

  async #find(signal: AbortSignal): Promise<Found | undefined> {
    const { destination, client } = this.#request
    return this.#parts.finder.find(destination, { client, asked: this.#asked, signal })
  }

  /** Another one, where there is one. Nobody waits long for that: what failed is known by now. */
  async #findAnother(): Promise<Found | undefined> {
    if (!Finder.isCapability(this.#request.destination)) return undefined
    const until = { ms: limits.candidateOpenMs, signal: this.#request.signal, expired: notFoundInTime }
    return withDeadline(until, async (signal) => this.#find(signal)).catch(() => undefined)
  }

  #start(found: Found, isHedge = false): void {
    const { method, path, headers, isIdempotent, body } = this.#request
    const agent = this.#parts.pool.agentFor(found.destination)
    agent.sweep(!isIdempotent || body !== undefined)
    if (found.peerId !== undefined) this.#asked.add(found.peerId)
    const attempt = startAttempt({
      agent,
      method,
      path,
      headers,
      body: this.#body,
      openMs: found.hasOthers ? limits.candidateOpenMs : undefined,
      onInformation: (statusCode, raw) => this.#inform(statusCode, raw)
    })
    const run: Run = { attempt, found, startedMs: this.#parts.now(), isHedge }
    this.#live.add(run)
    attempt.answer.then(
      (answer) => this.#answered(run, answer),
      (err: unknown) => void this.#failed(run, err)
    )
  }

  #inform(statusCode: number, raw: RawHeaders): void {
    if (this.#isSettled) return
    if (statusCode === 100) this.#request.onContinue?.()
    else this.#request.onInformation?.(statusCode, raw)
  }

  #answered(run: Run, answer: Answer): void {
    this.#live.delete(run)
    if (this.#isSettled) {
      run.attempt.cancel(new MeshError('CANCELLED', 'It came too late.'))
      return
    }
    this.#note(run)
    const isSlower = run.isHedge && this.#live.size > 0
    this.#giveUpRest('Another agent answered first.')
    this.#settle(run.isHedge ? 'second' : 'first')
    this.#parts.finder.answered(run.found, this.#request, !isSlower)
    this.#answeredBy = run
    this.#outcome.resolve({ ...answer, attempts: this.#attempts })
  }

  async #failed(run: Run, err: unknown): Promise<void> {
    this.#live.delete(run)
    if (this.#isSettled) return
    const { error, wasSent, hasAnswer, isStale } =
      err instanceof AttemptError
        ? err
        : new AttemptError(toMeshError(err), { wasSent: true, hasAnswer: false, isStale: false })
    const { peerId } = run.found
    const failed: FailedAttempt = { peerId, error, wasSent }
    if (wasSent) this.#searchedSinceMs = this.#parts.now()
    if (!isStale) this.#parts.finder.failed(run.found)
    const mayGoOn = this.#live.size === 0 && (this.#request.isIdempotent || !wasSent) && !hasAnswer
    const another = mayGoOn ? await this.#findAnother() : undefined
    if (this.#isSettled) return
    const isBodyWhole = this.#body?.isWhole ?? true
    const step = this.#course.failed({ wasSent, hasAnswer, isStale, isBodyWhole }, this.#means(another, 'repeats'))
    const about = { target: this.#target, code: error.code, ...(peerId === undefined ? {} : { peerId }) }
    if (step.step === 'fail') {
      if (peerId !== undefined && this.#request.isIdempotent && wasSent && isWithheld(step.why))
        this.#parts.onEvent?.({ event: 'proxy:withheld', ...about, why: step.why })
      this.#fail(failed)
      return
    }
    if (step.step === 'ask' && step.isCharged) this.#memory.repeats.spend()
    if (step.step === 'ask' && step.why !== 'hedge')
      this.#parts.onEvent?.({ event: 'proxy:repeated', ...about, why: step.why })
    if (step.step === 'ask' && step.whom === 'same') {
      this.#parts.pool.agentFor(run.found.destination).dropIdle()
      this.#start(run.found)
      return
    }
    this.#attempts.push(failed)
    if (step.step === 'ask' && another !== undefined) this.#start(another)
  }

  async #onSlow(): Promise<void> {
    if (this.#isSettled || this.#live.size !== 1) return
    const another = await this.#findAnother()
    const isTaken = another?.peerId !== undefined && this.#asked.has(another.peerId)
    if (this.#isSettled || this.#live.size !== 1 || another === undefined || isTaken) return
    if (this.#course.slow(this.#means(another, 'hedges')).step !== 'ask') return
    this.#memory.hedges.spend()
    this.#hasHedged = true
    this.#start(another, true)
  }

  #means(another: Found | undefined, budget: 'repeats' | 'hedges'): Means {
    return {
      hasOthers: another !== undefined,
      hasBudget: this.#memory[budget].isEnough,
      isCancelled: this.#request.signal.aborted || this.#parts.pool.isClosed,
      isLate: this.#parts.now() - this.#searchedSinceMs > Finder.deadlineMs
    }
  }

  readonly #onAbort = (): void => {
    const error = toMeshError(this.#request.signal.reason, 'CANCELLED')
    this.#answeredBy?.attempt.cancel(error)
    if (!this.#isSettled) this.#fail({ peerId: undefined, error, wasSent: false })
  }

  #fail(failed: FailedAttempt): void {
    if (this.#isSettled) return
    this.#giveUpRest(failed.error.message)
    this.#settle('none')
    this.#outcome.reject(new ExchangeError({ ...failed, attempts: this.#attempts }))
  }

  #settle(winner: 'first' | 'second' | 'none'): void {
    this.#isSettled = true
    if (this.#hasHedged) this.#parts.onEvent?.({ event: 'proxy:hedged', target: this.#target, winner })
  }

  #giveUpRest(why: string): void {
    for (const run of this.#live) {
      this.#note(run)
      run.attempt.cancel(new MeshError('CANCELLED', why))
    }
    this.#live.clear()
  }

  #note({ startedMs }: Run): void {
    this.#memory.headTimes.note(this.#parts.now() - startedMs)
  }
}
