import { Slab } from './slab.ts'

/** Slabs of one size that were used and are free, the warmest first. */
export class SlabPool {
  readonly sizeBytes: number
  readonly #keep: number
  readonly #free: Slab[] = []

  /** @param keep - how many free ones are kept at most */
  constructor({ sizeBytes, keep }: { sizeBytes: number; keep: number }) {
    this.sizeBytes = sizeBytes
    this.#keep = keep
  }

  take(): Slab {
    return this.#free.pop()?.reuse() ?? new Slab(this.sizeBytes, this.#put)
  }

  readonly #put = (slab: Slab): void => {
    if (this.#free.length < this.#keep) this.#free.push(slab)
  }
}
