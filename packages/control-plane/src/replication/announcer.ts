import type { SyncState } from '@agent-mesh/wire'
import { encodeAnnouncement } from './sync-message.ts'

/** The clock and its timers. */
export interface Timers {
  /** Milliseconds since 1970. */
  now: () => number
  /** @returns the way to cancel it */
  setTimeout: (task: () => void, delayMs: number) => () => void
}

export const systemTimers: Timers = {
  now: Date.now,
  setTimeout: (task, delayMs) => {
    // longer delays than this fire at once
    const timer = setTimeout(task, Math.min(delayMs, 2 ** 31 - 1)).unref()
    return () => clearTimeout(timer)
  }
}

export interface AnnouncerInit {
  timers: Timers
  /** At least 0, below 1. */
  random: () => number
  /** How many there are, as far as it is known here. */
  members: () => number
  states: () => SyncState[]
  publish: (message: Uint8Array) => void
}

/** How long a burst of changes is gathered. */
const gatherMs = 20
/** Between two announcements; at a steady stream of changes the last one is what counts. */
const pauseMs = 250

/**
 * Those who took something over say so, too, but none of them is in a hurry, because they say for how long they have
 * held it: with as many messages as members they would keep each other from what they are about. So they begin when a
 * change has long arrived as a rule, and each hears about 10 of them a second, however many there are.
 */
const echoMsPerMember = 100
const firstEchoMs = 3_000

/** Tells everybody what is held here: one message for a burst of changes. */
export class Announcer {
  readonly #init: AnnouncerInit
  #waiting: { atMs: number; cancel: () => void } | undefined
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(init: AnnouncerInit) {
    this.#init = init
  }

  /** Something changed here. */
  announce(): void {
    this.#sendIn(gatherMs)
  }

  /** Something was taken over from another member. */
  echo(): void {
    const { random, members } = this.#init
    this.#sendIn(firstEchoMs + random() * echoMsPerMember * members())
  }

  stop(): void {
    this.#waiting?.cancel()
    this.#waiting = undefined
  }

  #sendIn(delayMs: number): void {
    const { timers } = this.#init
    const nowMs = timers.now()
    // a clock that was set back must not silence this node
    const sinceMs = Math.max(0, nowMs - this.#lastMs)
    const waitMs = Math.max(delayMs, pauseMs - sinceMs)
    if (this.#waiting !== undefined && this.#waiting.atMs <= nowMs + waitMs) return
    this.#waiting?.cancel()
    this.#waiting = { atMs: nowMs + waitMs, cancel: timers.setTimeout(() => this.#send(), waitMs) }
  }

  #send(): void {
    const { timers, states, publish } = this.#init
    this.#waiting = undefined
    this.#lastMs = timers.now()
    publish(encodeAnnouncement(states(), this.#lastMs))
  }
}
