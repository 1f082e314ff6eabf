interface Timer {
  atMs: number
  order: number
  task: () => void
}

/** A clock that stands still until it is moved, with the timers that hang on it. */
export class VirtualClock {
  #nowMs: number
  #order = 0
  readonly #timers = new Map<number, Timer>()

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs
  }

  /** Milliseconds since 1970. Bound, so that it can be handed on. */
  readonly now = (): number => this.#nowMs

  /** @returns the way to cancel it */
  setTimeout(task: () => void, delayMs: number): () => void {
    const order = ++this.#order
    this.#timers.set(order, { atMs: this.#nowMs + Math.max(0, delayMs), order, task })
    return () => {
      this.#timers.delete(order)
    }
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.size
  }

  /** Moves the clock on and fires what is due, in order; a timer that is set meanwhile fires too, if it is due. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs
    for (let due = this.#next(untilMs); due !== undefined; due = this.#next(untilMs)) {
      this.#timers.delete(due.order)
      this.#nowMs = Math.max(this.#nowMs, due.atMs)
      due.task()
    }
    this.#nowMs = untilMs
  }

  /** Sets the clock as an administrator or NTP would: no timer fires for it. */
  jump(byMs: number): void {
    this.#nowMs += byMs
    for (const timer of this.#timers.values()) timer.atMs += byMs
  }

  #next(untilMs: number): Timer | undefined {
    return [...this.#timers.values()]
      .filter(({ atMs }) => atMs <= untilMs)
      .toSorted((a, b) => a.atMs - b.atMs || a.order - b.order)[0]
  }
}
