import type { PathKnobs } from './knobs.ts'

type Knobs = Pick<PathKnobs, 'upgradeMs' | 'upgrades' | 'lateUpgradeMs'>

/** When the next look for a better path begins: at once, every 15 s for a minute, then every 48 s at most. */
export class UpgradeSchedule {
  readonly #knobs: Knobs
  readonly #random: () => number
  #rounds = 0
  #nextMs = Infinity

  constructor(knobs: Knobs, random: () => number) {
    this.#knobs = knobs
    this.#random = random
  }

  get nextMs(): number {
    return this.#nextMs
  }

  /** Something changed: what failed before may work. @param delayMs - keeps both sides from starting together */
  restart(nowMs: number, delayMs = 0): void {
    this.#rounds = 0
    this.#nextMs = nowMs + delayMs
  }

  /** Somebody waits: not later than this. */
  hurry(atMs: number): void {
    if (this.#nextMs !== Infinity) this.#nextMs = Math.min(this.#nextMs, atMs)
  }

  began(nowMs: number): void {
    const { upgradeMs, upgrades, lateUpgradeMs } = this.#knobs
    this.#rounds++
    this.#nextMs = nowMs + (this.#rounds <= upgrades ? upgradeMs : lateUpgradeMs * (1 - 0.1 * this.#random()))
  }

  stop(): void {
    this.#nextMs = Infinity
  }

  get isRunning(): boolean {
    return this.#nextMs !== Infinity
  }
}
