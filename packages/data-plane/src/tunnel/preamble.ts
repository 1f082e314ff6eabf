import { limits, MeshError } from '@agent-mesh/wire'

/** Two bytes of a varint carry 14 bits, enough for the largest open or answer message. */
const longestPrefix = 2

/** Puts the length before an open or answer message, as an unsigned varint. */
export const withLength = (message: Uint8Array): Uint8Array => {
  const length = message.length
  if (length > limits.tunnelOpenBytes) {
    throw new MeshError(
      'LIMIT_EXCEEDED',
      `The message that opens a tunnel has ${length} bytes; ${limits.tunnelOpenBytes} are allowed.`
    )
  }
  const prefix = length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >>> 7]
  const bytes = new Uint8Array(prefix.length + length)
  bytes.set(prefix)
  bytes.set(message, prefix.length)
  return bytes
}

/**
 * Takes the first bytes of a tunnel in any split until its open or answer message is complete. Pure. It allocates no more
 * than the message that was announced, and none that is too long.
 */
export class PreambleDecoder {
  #length = 0
  #prefixBytes = 0
  #message: Uint8Array | undefined
  #filled = 0

  /**
   * Returns the message and the bytes after it once it is complete, undefined before.
   * @throws MeshError TUNNEL_PROTOCOL where the announced length is not allowed
   */
  push(chunk: Uint8Array): { message: Uint8Array; rest: Uint8Array } | undefined {
    let offset = 0
    while (this.#message === undefined) {
      const byte = chunk[offset]
      if (byte === undefined) return undefined
      offset += 1
      this.#readPrefix(byte)
    }
    const part = chunk.subarray(offset, offset + this.#message.length - this.#filled)
    this.#message.set(part, this.#filled)
    this.#filled += part.length
    return this.#filled === this.#message.length
      ? { message: this.#message, rest: chunk.subarray(offset + part.length) }
      : undefined
  }

  #readPrefix(byte: number): void {
    this.#length |= (byte & 0x7f) << (7 * this.#prefixBytes)
    this.#prefixBytes += 1
    if ((byte & 0x80) === 0) {
      if (this.#length > limits.tunnelOpenBytes) this.#fail(`announces ${this.#length} bytes`)
      if (byte === 0 && this.#prefixBytes > 1) this.#fail('has a length that is not written in its shortest form')
      this.#message = new Uint8Array(this.#length)
    } else if (this.#prefixBytes === longestPrefix) {
      this.#fail(`announces ${2 ** (7 * longestPrefix)} bytes or more`)
    }
  }

  #fail(what: string): never {
    throw new MeshError(
      'TUNNEL_PROTOCOL',
      `The first message of a tunnel ${what}; ${limits.tunnelOpenBytes} bytes are allowed.`
    )
  }
}
