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
  states: () => SyncState[]
  publish: (message: Uint8Array) => void
}

/** How long a burst of changes is gathered. */
const gatherMs = 20
/** Between two announcements; at a steady stream of changes the last one is what counts. */
const pauseMs = 250

/** Tells everybody what is held here: one message for a burst of changes. */
export class Announcer {
  readonly #init: AnnouncerInit
  #cancel: (() => void) | undefined
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(init: AnnouncerInit) {
    this.#init = init
  }

  announce(): void {
    const { timers } = this.#init
    if (this.#cancel !== undefined) return
    // a clock that was set back must not silence this node
    const sinceMs = Math.max(0, timers.now() - this.#lastMs)
    this.#cancel = timers.setTimeout(() => this.#send(), Math.max(gatherMs, pauseMs - sinceMs))
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #send(): void {
    const { timers, states, publish } = this.#init
    this.#cancel = undefined
    this.#lastMs = timers.now()
    publish(encodeAnnouncement(states(), this.#lastMs))
  }
}
