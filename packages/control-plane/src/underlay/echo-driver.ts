import { LossWindow, type Loss } from './loss-window.ts'
import { SequenceTally, type Arrivals } from './sequence-tally.ts'

/** What is known of the packets between two members. */
export interface LinkFigures {
  /** `blocked`: nothing comes through over UDP, though the members are connected. `unknown`: too early to say. */
  udp: 'works' | 'blocked' | 'unknown'
  /** From this node to the other; absent until enough packets are known of. */
  out?: Loss
  /** From the other to this node. */
  in?: Loss
  rttMs?: number
  jitterMs?: number
}

/** Pauses between requests, in milliseconds. */
const echoPaces = {
  /** While something was lost a moment ago: 500 requests until the suspicion ends, of which 2 % are 10. */
  suspicious: 40,
  /** On paths that carry tunnels: at a loss of 2 %, the first one is seen within 7 s on average. */
  used: 125,
  idle: 2_000,
  /** While nothing is answered: whether UDP has come back. */
  blocked: 10_000
} as const

/** For so long after a loss the pace is the fastest. */
const suspicionMs = 20_000
/** So long without any answer, and this many requests, are what a blocked port looks like. */
const blockedMs = 10_000
const blockedRequests = 5
/** Requests whose time of departure is remembered. */
const mostWaiting = 256
/** RFC 6298, section 2, and RFC 3550, section 6.4.1. */
const rttGain = 1 / 8
const jitterGain = 1 / 16

/** Something was lost in one direction, and it is not known yet whether that says anything. */
class Suspicion {
  #lost = 0
  #sinceMs = Number.NEGATIVE_INFINITY

  note(lost: number, nowMs: number): void {
    if (lost > this.#lost) this.#sinceMs = nowMs
    this.#lost = Math.max(this.#lost, lost)
  }

  isOpen(isNamed: boolean, nowMs: number): boolean {
    return !isNamed && nowMs - this.#sinceMs < suspicionMs
  }
}

/** The side of a session that asks, and sets the pace. Pure: told of packets and of time. */
export class EchoDriver {
  readonly #answers = new SequenceTally()
  readonly #out = new LossWindow()
  readonly #in = new LossWindow()
  readonly #sentMs = new Map<number, number>()
  #sequence = 0
  #unanswered = 0
  #lastSentMs = Number.NEGATIVE_INFINITY
  #heardMs: number
  readonly #suspicions = { out: new Suspicion(), in: new Suspicion() }
  #rttMs: number | undefined
  #lastRttMs = 0
  #jitterMs = 0
  #hasHeard = false
  isUsed = false

  constructor(nowMs: number) {
    this.#heardMs = nowMs
  }

  /** When the next request is due. */
  nextMs(nowMs: number): number {
    return this.#lastSentMs + this.#paceMs(nowMs)
  }

  /** @returns what the request carries */
  request(nowMs: number): { sequence: number; arrivals: Arrivals } {
    this.#lastSentMs = nowMs
    this.#unanswered++
    const sequence = ++this.#sequence
    this.#sentMs.set(sequence, nowMs)
    if (this.#sentMs.size > mostWaiting) this.#sentMs.delete(sequence - mostWaiting)
    return { sequence, arrivals: this.#answers.arrivals }
  }

  /** @param there - what the other side has counted */
  answered(sequence: number, echoed: number, there: Arrivals, nowMs: number): void {
    if (!this.#answers.arrive(sequence)) return
    this.#heardMs = nowMs
    this.#hasHeard = true
    this.#unanswered = 0
    const here = this.#answers.arrivals
    this.#out.note(there, nowMs)
    this.#in.note(here, nowMs)
    this.#suspicions.out.note(there.lost, nowMs)
    this.#suspicions.in.note(here.lost, nowMs)
    const sentMs = this.#sentMs.get(echoed)
    this.#sentMs.delete(echoed)
    if (sentMs !== undefined) this.#measured(nowMs - sentMs)
  }

  figures(nowMs: number): LinkFigures {
    const isBlocked = this.#isBlocked(nowMs)
    const out = this.#out.read(nowMs)
    const back = this.#in.read(nowMs)
    if (isBlocked || !this.#hasHeard) return { udp: isBlocked ? 'blocked' : 'unknown' }
    return {
      udp: 'works',
      ...(out === undefined ? {} : { out }),
      ...(back === undefined ? {} : { in: back }),
      ...(this.#rttMs === undefined ? {} : { rttMs: this.#rttMs, jitterMs: this.#jitterMs })
    }
  }

  #isBlocked(nowMs: number): boolean {
    return this.#unanswered >= blockedRequests && nowMs - this.#heardMs >= blockedMs
  }

  #paceMs(nowMs: number): number {
    if (this.#isBlocked(nowMs)) return echoPaces.blocked
    const isOpen =
      this.#suspicions.out.isOpen(this.#out.isLossy, nowMs) || this.#suspicions.in.isOpen(this.#in.isLossy, nowMs)
    if (isOpen) return echoPaces.suspicious
    return this.isUsed ? echoPaces.used : echoPaces.idle
  }

  #measured(rttMs: number): void {
    if (this.#rttMs === undefined) this.#rttMs = rttMs
    else {
      this.#rttMs += (rttMs - this.#rttMs) * rttGain
      this.#jitterMs += (Math.abs(rttMs - this.#lastRttMs) - this.#jitterMs) * jitterGain
    }
    this.#lastRttMs = rttMs
  }
}
