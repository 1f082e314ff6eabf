import type { DetectorSettings } from './settings.ts'

/**
 * How far this node trusts itself: 0 is healthy. Lifeguard's local health multiplier (§IV.A, memberlist's awareness.go):
 * whoever is slow itself waits longer before it calls others slow.
 */
export class LocalHealth {
  readonly #settings: DetectorSettings
  #score = 0

  constructor(settings: DetectorSettings) {
    this.#settings = settings
  }

  get score(): number {
    return this.#score
  }

  scale(ms: number): number {
    return ms * (this.#score + 1)
  }

  /** A probe was answered, by whatever way. */
  answered(): void {
    this.#add(-1)
  }

  /** Helpers that owe a nack and send none are beyond this node's reach as well; without helpers the probe itself counts. */
  unanswered(asked: number, nacks: number): void {
    this.#add(asked === 0 ? 1 : Math.max(0, asked - nacks))
  }

  /** Somebody believed this node to be gone, and had to be told. */
  refuted(): void {
    this.#add(1)
  }

  /** A sample of timers' lateness: one step for each half of a probe's timeout, two at most. */
  lagged(lagMs: number): void {
    this.#add(Math.min(2, Math.floor(lagMs / (this.#settings.probeTimeoutMs / 2))))
  }

  /** The whole process stood still for that long: one step for each interval. */
  stalled(byMs: number): void {
    this.#add(Math.ceil(byMs / this.#settings.probeIntervalMs))
  }

  #add(steps: number): void {
    this.#score = Math.min(this.#settings.maxLocalHealth, Math.max(0, this.#score + steps))
  }
}
