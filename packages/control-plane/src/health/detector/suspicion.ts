/** How long a suspicion runs. Times in milliseconds. */
export interface SuspicionInit {
  startMs: number
  minMs: number
  maxMs: number
  /** Confirmations that shorten it to the shortest; with 0 it is the shortest from the start. */
  confirmations: number
  accuser: string
}

/**
 * max − ln(n + 1) / ln(k + 1) · (max − min), at least min: the first confirmations shorten most. Lifeguard §IV.B, and
 * remainingSuspicionTime in memberlist's suspicion.go.
 */
export const suspicionMs = (confirmed: number, wanted: number, minMs: number, maxMs: number): number => {
  if (wanted < 1) return minMs
  const share = Math.log(confirmed + 1) / Math.log(wanted + 1)
  return Math.max(minMs, Math.floor(maxMs - share * (maxMs - minMs)))
}

/** One suspicion of one life of a member: who shares it, and when it becomes a death. */
export class Suspicion {
  readonly startMs: number
  readonly #init: SuspicionInit
  readonly #accusers: Set<string>
  #stalledMs = 0

  constructor(init: SuspicionInit) {
    this.startMs = init.startMs
    this.#init = init
    this.#accusers = new Set([init.accuser])
  }

  /** Each member counts once. @returns whether that was news; enough is enough */
  confirm(accuser: string): boolean {
    if (this.isConfirmed || this.#accusers.has(accuser)) return false
    this.#accusers.add(accuser)
    return true
  }

  get isConfirmed(): boolean {
    return this.#accusers.size - 1 >= this.#init.confirmations && this.#init.confirmations > 0
  }

  isOf(accuser: string): boolean {
    return this.#accusers.has(accuser)
  }

  get accusers(): readonly string[] {
    return [...this.#accusers]
  }

  get dueMs(): number {
    const { startMs, minMs, maxMs, confirmations } = this.#init
    return startMs + this.#stalledMs + suspicionMs(this.#accusers.size - 1, confirmations, minMs, maxMs)
  }

  /** Time in which this node could not hear a refutation does not count. */
  extend(byMs: number): void {
    this.#stalledMs += byMs
  }
}
