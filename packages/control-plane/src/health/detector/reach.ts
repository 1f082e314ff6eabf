import type { DetectorSettings } from './settings.ts'

/**
 * Whether a neighbour answers this node itself, whatever others say. It takes several failures to lose it and more answers
 * to regain it, so that a bad link shows as one change, not as many.
 */
export class Reach {
  readonly #settings: Pick<DetectorSettings, 'lostAfter' | 'regainedAfter'>
  #failures = 0
  #answers = 0
  #isLost = false
  #failedSinceMs: number | undefined

  constructor(settings: Pick<DetectorSettings, 'lostAfter' | 'regainedAfter'>) {
    this.#settings = settings
  }

  get isLost(): boolean {
    return this.#isLost
  }

  answered(): void {
    this.#failures = 0
    this.#answers += 1
    if (this.#isLost && this.#answers < this.#settings.regainedAfter) return
    this.#isLost = false
    this.#failedSinceMs = undefined
  }

  /**
   * @param sentMs - when the probe was sent
   * @param isElsewhere - it lived since: so the way is to blame
   */
  failed(sentMs: number, isElsewhere: boolean): void {
    this.#answers = 0
    this.#failures += 1
    this.#failedSinceMs = this.since(sentMs)
    if (isElsewhere && this.#failures >= this.#settings.lostAfter) this.#isLost = true
  }

  /** There is no way at all: a neighbour was cut off and cannot be dialled. */
  cut(sentMs: number): void {
    this.failed(sentMs, false)
    this.#isLost = true
  }

  /** When the first of the failures was sent, with this one. */
  since(sentMs: number): number {
    return this.#failedSinceMs ?? sentMs
  }

  /** Another connection is another way. */
  reset(): void {
    this.#failures = 0
    this.#answers = 0
    this.#isLost = false
    this.#failedSinceMs = undefined
  }
}
