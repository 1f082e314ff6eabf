import type { TLSSocket } from 'node:tls'
import { release, SlabPool, type Slab } from '@agent-mesh/slabs'

/** What one write to TLS carries at most. It leaves in one system call, which takes ten records. */
const writeBytes = 144 * 1024
/** So much may wait for the socket before senders are asked to. */
const fullBytes = 1024 * 1024
/** At which they may go on: what is left keeps the socket busy meanwhile. */
const roomBytes = 256 * 1024

/** What a connection says that is not busy fits into this: a large slab for each message would have to come from the system. */
const fewBytes = 8 * 1024

const pool = new SlabPool({ sizeBytes: writeBytes, keep: 16 })
const smallPool = new SlabPool({ sizeBytes: fewBytes, keep: 512 })

/**
 * The engine keeps so few bytes within the object, and to ask for their `buffer` moves them out, which costs more than to copy
 * them. A slab whose first bytes are sent alone is taken for such, and not used again.
 */
const isInHeap = ({ byteOffset, byteLength }: Uint8Array): boolean => byteOffset === 0 && byteLength <= 64

/**
 * Writes of one connection. What is sent in one turn of the event loop is copied together and leaves at its end: one call
 * into TLS, whose own gathering would allocate as much for each. Senders may use their memory again at once.
 */
export class GatheredWrites {
  readonly #socket: TLSSocket
  readonly #onRoom: () => void
  readonly #full: Slab[] = []
  #open: Slab | undefined
  #openBytes = 0
  #waitingBytes = 0
  #isWriting = false
  #isScheduled = false
  #isFull = false

  /** @param onRoom - after `add` returned false: more may be added */
  constructor(socket: TLSSocket, onRoom: () => void) {
    this.#socket = socket
    this.#onRoom = onRoom
  }

  /** @returns false to ask for a pause */
  add(pieces: Iterable<Uint8Array>): boolean {
    for (const piece of pieces) {
      this.#copy(piece)
      if (!isInHeap(piece)) release(piece)
    }
    if (!this.#isScheduled && !this.#isWriting) {
      this.#isScheduled = true
      setImmediate(this.#onTurnEnd)
    }
    this.#isFull ||= this.#waitingBytes >= fullBytes
    return !this.#isFull
  }

  /** Hands everything over to the socket, which may be ended then. */
  flush(): void {
    while (this.#full.length > 0 || this.#openBytes > 0) this.#write()
  }

  #copy(piece: Uint8Array): void {
    this.#waitingBytes += piece.length
    this.#makeRoom(piece.length)
    for (let offset = 0; offset < piece.length;) {
      this.#open ??= pool.take()
      const end = Math.min(piece.length, offset + writeBytes - this.#openBytes)
      this.#open.bytes.set(offset === 0 && end === piece.length ? piece : piece.subarray(offset, end), this.#openBytes)
      this.#openBytes += end - offset
      offset = end
      if (this.#openBytes === writeBytes) this.#close()
    }
  }

  /** A small slab as long as all fits in, then a large one. */
  #makeRoom(bytes: number): void {
    const open = this.#open
    if (open !== undefined && open.bytes.length > fewBytes) return
    if (this.#openBytes + bytes < fewBytes) {
      this.#open ??= smallPool.take()
      return
    }
    if (open === undefined) return
    this.#open = pool.take()
    this.#open.bytes.set(open.bytes.subarray(0, this.#openBytes))
    open.retire()
  }

  #close(): void {
    if (this.#open === undefined) return
    this.#full.push(this.#open)
    this.#open = undefined
    this.#openBytes = 0
    if (!this.#isWriting) this.#write()
  }

  #write(): void {
    let slab = this.#full.shift()
    let bytes = writeBytes
    if (slab === undefined) {
      slab = this.#open
      bytes = this.#openBytes
      this.#open = undefined
      this.#openBytes = 0
    }
    if (slab === undefined) return
    const written = slab
    this.#isWriting = true
    this.#socket.write(bytes === writeBytes ? slab.bytes : slab.bytes.subarray(0, bytes), () => {
      this.#isWriting = false
      written.retire()
      this.#waitingBytes -= bytes
      this.#write()
      if (!this.#isFull || this.#waitingBytes > roomBytes) return
      this.#isFull = false
      this.#onRoom()
    })
  }

  readonly #onTurnEnd = (): void => {
    this.#isScheduled = false
    if (!this.#isWriting) this.#write()
  }
}
