/** Between two comparisons with members that have just come. */
const pauseMs = 500

export interface EncountersInit {
  /** Milliseconds; only differences matter. */
  now: () => number
  /** At least 0, below 1. */
  random: () => number
  /** Neighbours that are there at this moment. */
  neighbours: () => string[]
  /** Between two comparisons with a neighbour picked at random. */
  intervalMs: number
}

/**
 * With whom views are compared, and when: soon with who has just come, until one of them holds the same; and with one at
 * random now and then, for what gossip has lost.
 */
export class Encounters {
  readonly #init: EncountersInit
  readonly #newcomers = new Set<string>()
  #nextMs: number
  #roundMs: number

  constructor(init: EncountersInit) {
    this.#init = init
    this.#nextMs = init.now()
    this.#roundMs = this.#nextRound()
  }

  arrived(peer: string): void {
    this.#newcomers.add(peer)
  }

  left(peer: string): void {
    this.#newcomers.delete(peer)
  }

  /** One of them holds the same: the others that have just come meet it, too. */
  agreed(): void {
    this.#newcomers.clear()
  }

  /** When to look again, milliseconds. */
  nextMs(): number {
    return this.#newcomers.size === 0 ? this.#roundMs : Math.min(this.#roundMs, this.#nextMs)
  }

  /** @returns with whom to compare at this moment; undefined where it is not time, or nobody is there */
  due(): string | undefined {
    const nowMs = this.#init.now()
    if (this.#newcomers.size > 0 && nowMs >= this.#nextMs) {
      this.#nextMs = nowMs + pauseMs
      const newest = [...this.#newcomers].at(-1)
      if (newest !== undefined) this.#newcomers.delete(newest)
      return newest
    }
    if (nowMs < this.#roundMs) return undefined
    this.#roundMs = this.#nextRound()
    const neighbours = this.#init.neighbours()
    return neighbours[Math.floor(this.#init.random() * neighbours.length)]
  }

  #nextRound(): number {
    const { now, random, intervalMs } = this.#init
    return now() + intervalMs * (0.75 + 0.5 * random())
  }
}
