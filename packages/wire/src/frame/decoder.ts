import { checkHeader, frameHeaderBytes, frameTypes, type FrameType } from './header.ts'

/** What a decoder reports. Payload arrives in the pieces in which it was read, without a copy. */
export interface FrameSink {
  data: (payload: Uint8Array) => void
  fin: () => void
  reset: (wireCode: number) => void
  credit: (bytes: number) => void
}

/**
 * Takes the bytes of a tunnel in any split and calls the sink. DATA payload is passed on before its frame is complete;
 * nothing but the header and the four bytes of a number is ever held back.
 */
export class FrameDecoder {
  readonly #sink: FrameSink
  readonly #held = new Uint8Array(frameHeaderBytes)
  #heldLength = 0
  #type: FrameType | undefined
  #remaining = 0

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** True between frames: an end of the stream here cuts no frame in two. */
  get isAtBoundary(): boolean {
    return this.#type === undefined && this.#heldLength === 0
  }

  /** @throws MeshError TUNNEL_PROTOCOL; the decoder is of no use after that */
  push(chunk: Uint8Array): void {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#type === undefined) {
        offset += this.#fill(chunk, offset)
        if (this.#heldLength === frameHeaderBytes) this.#beginFrame()
      } else if (this.#type === frameTypes.data) {
        const piece = chunk.subarray(offset, offset + this.#remaining)
        offset += piece.length
        this.#remaining -= piece.length
        if (this.#remaining === 0) this.#type = undefined
        this.#sink.data(piece)
      } else {
        offset += this.#fill(chunk, offset)
        if (this.#heldLength === frameHeaderBytes) this.#endNumber()
      }
    }
  }

  #fill(chunk: Uint8Array, offset: number): number {
    const count = Math.min(frameHeaderBytes - this.#heldLength, chunk.length - offset)
    for (let i = 0; i < count; i++) this.#held[this.#heldLength + i] = chunk[offset + i] ?? 0
    this.#heldLength += count
    return count
  }

  #beginFrame(): void {
    const [type = 0, high = 0, middle = 0, low = 0] = this.#held
    const length = (high << 16) | (middle << 8) | low
    this.#heldLength = 0
    const known = checkHeader(type, length)
    if (known === frameTypes.fin) return this.#sink.fin()
    this.#type = known
    this.#remaining = length
  }

  #endNumber(): void {
    const value = new DataView(this.#held.buffer).getUint32(0)
    const type = this.#type
    this.#heldLength = 0
    this.#type = undefined
    if (type === frameTypes.reset) this.#sink.reset(value)
    else this.#sink.credit(value)
  }
}
