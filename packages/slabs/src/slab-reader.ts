import { SlabPool } from './slab-pool.ts'
import type { Slab } from './slab.ts'

/** Read by a socket that has little to say, so that silence pins little. */
const idle = new SlabPool({ sizeBytes: 16 * 1024, keep: 32 })
const busy = new SlabPool({ sizeBytes: 256 * 1024, keep: 64 })

/** Readers that may hold a large slab each while they wait for bytes. */
const mostBusy = 64
let busyReaders = 0

/** Less than that is copied out: it would pin a slab for the sake of a few bytes. */
const smallBytes = 4 * 1024
/** Of these several share some memory, as buffers of Node do. */
const tinyBytes = 1024
/** A read of that much is followed by more. */
const largeBytes = 16 * 1024
/** Small reads in a row after which a large slab is given back. */
const patience = 8

/**
 * Where one socket reads, piece after piece. What was read is first kept, one piece behind the other, and then taken
 * together.
 */
export class SlabReader {
  #slab: Slab = idle.take()
  /** Of what is kept: where it begins, and where the next piece goes. */
  #from = 0
  #to = 0
  #smallReads = 0
  #isBusy = false
  #isClosed = false

  /** Where the next bytes are to be read. */
  get space(): Buffer {
    // of one that is closed nobody reads any more, and its slab may be another one's by now
    if (this.#isClosed) return Buffer.allocUnsafeSlow(largeBytes)
    return this.#slab.from(this.#to)
  }

  get keptBytes(): number {
    return this.#to - this.#from
  }

  /** Whether the next piece fits in behind. Otherwise what is kept has to be taken first. */
  get isRoomy(): boolean {
    return this.#slab.bytes.length - this.#to >= largeBytes
  }

  /** So much of the space was filled. */
  keep(bytes: number): void {
    if (this.#isClosed) return
    this.#to += bytes
    this.#smallReads = bytes < largeBytes ? this.#smallReads + 1 : 0
  }

  /** All that is kept. Whoever gets it may `release` it. */
  take(): Buffer {
    const bytes = this.#to - this.#from
    let taken: Buffer
    if (bytes < smallBytes) {
      // memory of its own for each would be more work than the rest
      taken = bytes < tinyBytes ? Buffer.allocUnsafe(bytes) : Buffer.allocUnsafeSlow(bytes)
      this.#slab.bytes.copy(taken, 0, this.#from, this.#to)
      this.#to = this.#from
    } else {
      this.#slab.lend(bytes)
      taken = this.#slab.bytes.subarray(this.#from, this.#to)
      this.#from = this.#to
    }
    return taken
  }

  /** To be called when what was taken has been handed on. Where all of it came back, the same memory is filled again. */
  turn(): void {
    // A handler of the read before may have closed it.
    if (this.#isClosed || this.#to > this.#from) return
    if (this.#smallReads >= patience && this.#isBusy) this.#replace(false)
    else if (!this.#isBusy && this.#smallReads === 0 && busyReaders < mostBusy) this.#replace(true)
    else if (!this.#slab.isLent) this.#from = this.#to = 0
    else if (!this.isRoomy) this.#replace(this.#isBusy)
  }

  /** Nothing is read any more; what is kept is dropped. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#isBusy) busyReaders -= 1
    this.#isBusy = false
    this.#from = this.#to = 0
    this.#slab.retire()
  }

  #replace(isBusy: boolean): void {
    this.#slab.retire()
    this.#from = this.#to = 0
    busyReaders += Number(isBusy) - Number(this.#isBusy)
    this.#isBusy = isBusy
    this.#slab = (isBusy ? busy : idle).take()
  }
}
