const slabs = new WeakMap<ArrayBufferLike, Slab>()

/** Most plain bytes of one. */
const recordBytes = 16 * 1024

/** A piece of memory, and how many of its bytes are lent. */
export class Slab {
  readonly bytes: Buffer
  readonly #onFree: (slab: Slab) => void
  readonly #tails: Buffer[] = []
  #lent = 0
  #state: 'in-use' | 'retired' | 'free' = 'in-use'
  #isLost = false

  /** @param onFree - it was retired, and nothing of it is lent any more */
  constructor(sizeBytes: number, onFree: (slab: Slab) => void) {
    this.bytes = Buffer.allocUnsafeSlow(sizeBytes)
    this.#onFree = onFree
    slabs.set(this.bytes.buffer, this)
  }

  get isLent(): boolean {
    return this.#isLost || this.#lent > 0
  }

  lend(bytes: number): void {
    this.#lent += bytes
  }

  /** All from an offset on. A busy connection brings full records of TLS: their ends are used again and again. */
  from(offset: number): Buffer {
    if (offset % recordBytes !== 0) return this.bytes.subarray(offset)
    return (this.#tails[offset / recordBytes] ??= this.bytes.subarray(offset))
  }

  /** More than was lent is somebody's mistake: a slab of which nobody knows who looks into it is never used again. */
  takeBack(bytes: number): void {
    this.#lent -= bytes
    if (this.#lent < 0) this.#isLost = true
    this.#freeIfDone()
  }

  /** Nothing more will be read into it until it is free. Once is enough. */
  retire(): void {
    if (this.#state !== 'in-use') return
    this.#state = 'retired'
    this.#freeIfDone()
  }

  /** It was free, and is read into anew. */
  reuse(): this {
    this.#state = 'in-use'
    return this
  }

  #freeIfDone(): void {
    if (this.#state !== 'retired' || this.isLent) return
    this.#state = 'free'
    this.#onFree(this)
  }
}

/**
 * Gives bytes back that lie in a slab: nobody looks at them any more. Each byte may be given back once. Bytes that lie
 * elsewhere are nobody's concern.
 * @param count - how many of them, where the rest is given back by somebody else
 */
export const release = (bytes: Uint8Array, count = bytes.byteLength): void => slabs.get(bytes.buffer)?.takeBack(count)

/** Bytes that may be kept: those of a slab are copied and given back, others are returned as they are. */
export const own = (bytes: Uint8Array): Uint8Array => {
  const slab = slabs.get(bytes.buffer)
  if (slab === undefined) return bytes
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  slab.takeBack(bytes.length)
  return copy
}
