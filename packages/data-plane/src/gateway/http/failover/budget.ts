export interface BudgetInit {
  /** What each request adds. */
  perRequest: number
  /** What each second adds, for services that are asked seldom. */
  perSecond: number
  /** Most that is saved up. */
  most: number
  /** What there is at the beginning. Default: the most. */
  first?: number
  /** Monotonic milliseconds. */
  now: () => number
}

/**
 * A bucket that requests fill and extra requests empty, so that these stay a share of those (Finagle's retry budget,
 * 2016; linkerd and Envoy have the like). A service that fails everything is then asked a little more, not thrice.
 */
export class Budget {
  readonly #init: BudgetInit
  #left: number
  #atMs: number

  constructor(init: BudgetInit) {
    this.#init = init
    this.#left = init.first ?? init.most
    this.#atMs = init.now()
  }

  /** A request is sent for the first time. */
  deposit(): void {
    this.#add(this.#init.perRequest)
  }

  /** There is enough for one more. */
  get isEnough(): boolean {
    this.#add(0)
    return this.#left >= 1
  }

  /** An extra request is sent. */
  spend(): void {
    this.#left = Math.max(0, this.#left - 1)
  }

  #add(tokens: number): void {
    const { perSecond, most, now } = this.#init
    const nowMs = now()
    const earned = ((nowMs - this.#atMs) / 1_000) * perSecond
    this.#atMs = nowMs
    this.#left = Math.min(most, this.#left + earned + tokens)
  }
}
