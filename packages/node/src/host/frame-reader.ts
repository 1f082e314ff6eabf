import { release } from '@agent-mesh/slabs'
import { Uint8ArrayList } from 'uint8arraylist'

/** Version, type, flags, stream, length. */
const headerBytes = 12
const dataType = 0
/** The largest window that this node gives to a stream. */
const mostFlaggedBytes = 4 * 1024 * 1024

interface Header {
  type: number
  flag: number
  streamID: number
  length: number
}

/** As the muxer takes it. */
interface Frame {
  header: Header
  data?: Uint8ArrayList
}

const twoPow24 = 2 ** 24

/**
 * Reads the frames of yamux. A frame of data is handed on in the pieces in which it comes, each as a frame of its own:
 * nothing waits here for the rest, and nothing is copied. Headers are given back to the memory that they were read into.
 */
export class FrameReader {
  readonly #held = new Uint8Array(headerBytes)
  #heldBytes = 0
  /** Of a frame whose data is still to come. */
  #header: Header | undefined
  #whole: Uint8ArrayList | undefined

  emitFrames(bytes: Uint8Array | Uint8ArrayList): Frame[] {
    const frames: Frame[] = []
    if (bytes instanceof Uint8Array) this.#read(bytes, frames)
    else for (const piece of bytes) this.#read(piece, frames)
    return frames
  }

  #read(bytes: Uint8Array, frames: Frame[]): void {
    let offset = 0
    while (offset < bytes.length) {
      if (this.#header === undefined) {
        const count = Math.min(headerBytes - this.#heldBytes, bytes.length - offset)
        for (let i = 0; i < count; i++) this.#held[this.#heldBytes + i] = bytes[offset + i] ?? 0
        this.#heldBytes += count
        offset += count
        release(bytes, count)
        if (this.#heldBytes === headerBytes) this.#begin(frames)
      } else {
        const piece = bytes.subarray(offset, offset + this.#remaining)
        offset += piece.length
        this.#push(this.#header, piece, frames)
      }
    }
  }

  #remaining = 0

  #begin(frames: Frame[]): void {
    const [version, type = 0, f1 = 0, f0 = 0, s3 = 0, s2 = 0, s1 = 0, s0 = 0, l3 = 0, l2 = 0, l1 = 0, l0 = 0] =
      this.#held
    this.#heldBytes = 0
    if (version !== 0) throw Object.assign(new Error('Invalid frame version'), { name: 'InvalidFrameError' })
    const header = {
      type,
      flag: (f1 << 8) + f0,
      streamID: s3 * twoPow24 + (s2 << 16) + (s1 << 8) + s0,
      length: l3 * twoPow24 + (l2 << 16) + (l1 << 8) + l0
    }
    if (type !== dataType) frames.push({ header })
    else if (header.length === 0) frames.push({ header, data: new Uint8ArrayList() })
    else {
      // held until it is whole: nobody may send more than a window anyway
      if (header.flag !== 0 && header.length > mostFlaggedBytes)
        throw Object.assign(new Error('Frame is longer than a window'), { name: 'InvalidFrameError' })
      this.#header = header
      this.#remaining = header.length
      this.#whole = header.flag === 0 ? undefined : new Uint8ArrayList()
    }
  }

  #push(header: Header, piece: Uint8Array, frames: Frame[]): void {
    this.#remaining -= piece.length
    if (this.#remaining === 0) this.#header = undefined
    if (this.#whole === undefined) {
      frames.push({ header: { ...header, length: piece.length }, data: new Uint8ArrayList(piece) })
      return
    }
    this.#whole.append(piece)
    if (this.#remaining > 0) return
    frames.push({ header, data: this.#whole })
    this.#whole = undefined
  }
}
