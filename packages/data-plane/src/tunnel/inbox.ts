import { release } from '@agent-mesh/slabs'

/** Pieces below this size are joined. */
const crumbBytes = 1024
const slabBytes = 16 * 1024

/**
 * Payload that waits for its reader, in order. Pure.
 *
 * Pieces are views into what the connection read and pass through without a copy. Those that have to wait are settled:
 * small ones are copied together, and views that pin much more memory than they carry are copied out. Without that, a
 * window of one-byte frames would cost a hundred times its size.
 */
export class Inbox {
  #settled = new Queue()
  #slab: Uint8Array | undefined
  #slabUsed = 0
  #fresh = new Queue()
  #length = 0

  get byteLength(): number {
    return this.#length
  }

  push(piece: Uint8Array): void {
    this.#length += piece.length
    this.#fresh.push(piece)
  }

  /** The oldest bytes, or undefined where there are none. */
  shift(): Uint8Array | undefined {
    if (this.#settled.isEmpty) this.#endSlab()
    const piece = this.#settled.shift() ?? this.#shiftFresh()
    this.#length -= piece?.length ?? 0
    return piece
  }

  /** To be called when the reader takes no more for the moment. */
  settle(): void {
    for (let run = this.#shiftRun(); run.length > 0; run = this.#shiftRun()) {
      const bytes = run.reduce((sum, { length }) => sum + length, 0)
      const mayStay = bytes >= (run[0]?.buffer.byteLength ?? 0) / 4
      for (const piece of run) {
        if (piece.length < crumbBytes) this.#gather(piece)
        else {
          this.#endSlab()
          this.#settled.push(mayStay ? piece : copyOf(piece))
        }
      }
    }
  }

  /** The oldest pieces that lie in the same memory. */
  #shiftRun(): Uint8Array[] {
    const run: Uint8Array[] = []
    for (let piece = this.#fresh.peek(); piece !== undefined; piece = this.#fresh.peek()) {
      if (run[0] !== undefined && run[0].buffer !== piece.buffer) break
      run.push(piece)
      this.#fresh.shift()
    }
    return run
  }

  clear(): void {
    this.#settled = new Queue()
    this.#fresh = new Queue()
    this.#slab = undefined
    this.#length = 0
  }

  #shiftFresh(): Uint8Array | undefined {
    const first = this.#fresh.shift()
    if (first === undefined || first.length >= crumbBytes) return first
    const run = [first]
    let total = first.length
    for (
      let next = this.#fresh.peek();
      next !== undefined && next.length < crumbBytes && total < slabBytes;
      next = this.#fresh.peek()
    ) {
      run.push(next)
      total += next.length
      this.#fresh.shift()
    }
    if (run.length === 1) return first
    const joined = Buffer.concat(run, total)
    for (const crumb of run) release(crumb)
    return joined
  }

  #gather(crumb: Uint8Array): void {
    if (this.#slabUsed + crumb.length > slabBytes) this.#endSlab()
    if (this.#slab === undefined) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes)
      this.#slabUsed = 0
    }
    this.#slab.set(crumb, this.#slabUsed)
    this.#slabUsed += crumb.length
    release(crumb)
  }

  #endSlab(): void {
    if (this.#slab === undefined) return
    const used = this.#slab.subarray(0, this.#slabUsed)
    this.#settled.push(this.#slabUsed < slabBytes / 2 ? copyOf(used) : used)
    this.#slab = undefined
    this.#slabUsed = 0
  }
}

const copyOf = (bytes: Uint8Array): Uint8Array => {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  release(bytes)
  return copy
}

/** First in, first out, without moving the rest at every step. */
class Queue {
  #items: Uint8Array[] = []
  #head = 0

  get isEmpty(): boolean {
    return this.#head === this.#items.length
  }

  peek(): Uint8Array | undefined {
    return this.#items[this.#head]
  }

  push(item: Uint8Array): void {
    this.#items.push(item)
  }

  shift(): Uint8Array | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#head += 1
    if (this.isEmpty || this.#head === 1024) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
