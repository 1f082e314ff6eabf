import type { AuditEvent } from './entry.ts'

/** Somebody who knocks without end fills one line in this time, not the disk. */
const windowMs = 10_000

/** Different ones that are told apart in one window. */
const mostKeys = 256

interface Held {
  event: AuditEvent
  untilMs: number
  count: number
}

/**
 * Denials and refusals that repeat: the first of a kind passes at once, those that follow it within ten seconds are
 * counted and become one entry with their `count`. Nothing is dropped uncounted. Pure.
 */
export class Repeats {
  readonly #held = new Map<string, Held>()

  /** @returns what is to be written at once */
  take(event: AuditEvent, nowMs: number): AuditEvent[] {
    if (event.kind !== 'deny' && event.kind !== 'refuse') return [event]
    const due = this.due(nowMs)
    const { kind, peer, service, rule, code } = event
    const own = JSON.stringify([kind, peer, service, rule, code])
    const isCrowded = this.#held.size >= mostKeys && !this.#held.has(own)
    const key = isCrowded ? JSON.stringify([kind, code]) : own
    const held = this.#held.get(key)
    if (held !== undefined) {
      held.count += 1
      return due
    }
    const repeated = isCrowded ? { kind, ...(code === undefined ? {} : { code }) } : event
    this.#held.set(key, { event: repeated, untilMs: nowMs + windowMs, count: 0 })
    return [...due, event]
  }

  /** Those whose time is over, as one entry each. @param nowMs - Infinity for all of them */
  due(nowMs: number): AuditEvent[] {
    const over: AuditEvent[] = []
    for (const [key, { event, untilMs, count }] of this.#held) {
      if (untilMs > nowMs) continue
      this.#held.delete(key)
      if (count > 0) over.push({ ...event, count })
    }
    return over
  }

  get isEmpty(): boolean {
    return this.#held.size === 0
  }
}
