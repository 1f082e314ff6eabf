import { limits, MeshError } from '@agent-mesh/wire'

/** Length of what follows, big-endian. */
const headerBytes = 2

/** Puts the length before a message. */
export const withLength = (message: Uint8Array): Uint8Array<ArrayBuffer> => {
  if (message.length > limits.healthFrameBytes)
    throw new RangeError(`${message.length} bytes do not fit in one message between neighbours`)
  const framed = new Uint8Array(headerBytes + message.length)
  new DataView(framed.buffer).setUint16(0, message.length)
  framed.set(message, headerBytes)
  return framed
}

/** Cuts a stream into messages, however its bytes come. Holds less than one message. */
export class FrameSplitter {
  #rest: Uint8Array = new Uint8Array(0)

  /** Bytes of a message whose end has not come. */
  get heldBytes(): number {
    return this.#rest.length
  }

  /**
   * The messages that end in this chunk; views of it where they lie in it whole.
   * @throws MeshError HEALTH_INVALID for a length that no message may have; nothing is to be read after it
   */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let bytes = this.#rest.length === 0 ? chunk : new Uint8Array(Buffer.concat([this.#rest, chunk]))
    this.#rest = new Uint8Array(0)
    for (;;) {
      const length = lengthIn(bytes)
      if (length === undefined || bytes.length < headerBytes + length) break
      yield bytes.subarray(headerBytes, headerBytes + length)
      bytes = bytes.subarray(headerBytes + length)
    }
    this.#rest = bytes.slice()
  }
}

const lengthIn = (bytes: Uint8Array): number | undefined => {
  if (bytes.length < headerBytes) return undefined
  const length = new DataView(bytes.buffer, bytes.byteOffset, headerBytes).getUint16(0)
  if (length <= limits.healthFrameBytes) return length
  throw new MeshError(
    'HEALTH_INVALID',
    `A neighbour announces a message of ${length} bytes; ${limits.healthFrameBytes} are allowed.`
  )
}
