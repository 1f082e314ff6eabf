import type { PathClass } from '../routing/path-class.ts'
import type { PathKnobs } from './knobs.ts'

/** Failures that are held against a class of paths, so that one that comes and goes is not followed each time. */
export class Grudges {
  readonly #knobs: Pick<PathKnobs, 'proofMs' | 'mostProofMs' | 'grudgeMs'>
  readonly #failures = new Map<PathClass, { count: number; lastMs: number }>()

  constructor(knobs: Pick<PathKnobs, 'proofMs' | 'mostProofMs' | 'grudgeMs'>) {
    this.#knobs = knobs
  }

  failed(path: PathClass, nowMs: number): void {
    this.#failures.set(path, { count: this.#count(path, nowMs) + 1, lastMs: nowMs })
  }

  /** How long a way of the class has to work before it is trusted: `proofMs · 2^(failures − 1)`, 0 without any. */
  proofMs(path: PathClass, nowMs: number): number {
    const count = this.#count(path, nowMs)
    return count === 0 ? 0 : Math.min(this.#knobs.mostProofMs, this.#knobs.proofMs * 2 ** (count - 1))
  }

  #count(path: PathClass, nowMs: number): number {
    const known = this.#failures.get(path)
    return known === undefined || nowMs - known.lastMs > this.#knobs.grudgeMs ? 0 : known.count
  }
}
