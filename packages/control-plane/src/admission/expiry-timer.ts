import { limits } from '@agent-mesh/wire'

/** The clock is looked at this often, because it may be set meanwhile; Node's timers end at 24 days in any case. */
const mostMs = 60_000

export interface ExpiryTimerInit {
  now: () => number
  /** Ends of the certificates that are watched. */
  ends: () => Iterable<number>
  /** At least one of them is past its end and the tolerance. */
  onExpired: () => void
}

/** One timer for the certificates of everyone who is admitted. */
export class ExpiryTimer {
  readonly #init: ExpiryTimerInit
  #timer: NodeJS.Timeout | undefined

  constructor(init: ExpiryTimerInit) {
    this.#init = init
  }

  /** Looks at all ends again; to be called when one was added. */
  arm(): void {
    this.stop()
    const earliest = Math.min(...this.#init.ends())
    if (earliest === Infinity) return
    const leftMs = earliest + limits.clockToleranceMs - this.#init.now()
    this.#timer = setTimeout(() => this.#look(), Math.min(mostMs, Math.max(0, leftMs + 1))).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    const latest = this.#init.now() - limits.clockToleranceMs
    if ([...this.#init.ends()].some((end) => end < latest)) this.#init.onExpired()
    this.arm()
  }
}
