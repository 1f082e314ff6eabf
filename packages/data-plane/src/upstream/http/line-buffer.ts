import { MeshError } from '@agent-mesh/wire'

const nothing = Buffer.alloc(0)
const lineFeed = 10
const carriageReturn = 13

/** Only CRLF ends a line here; a program behind that takes a bare line feed for one would see other lines than we do. */
const hasBareLineFeed = (bytes: Buffer): boolean => {
  for (let at = bytes.indexOf(lineFeed); at !== -1; at = bytes.indexOf(lineFeed, at + 1))
    if (at > 0 && bytes[at - 1] !== carriageReturn) return true
  return false
}

/**
 * Gathers bytes until a line, or a block of lines up to an empty one, is complete. What is asked for may come in any
 * number of pieces; they are joined once, at the end.
 */
export class LineBuffer {
  #pieces: Buffer[] = []
  #bytes = 0
  /** The last bytes that came, among which an end that was cut may begin. */
  #tail = nothing

  /** Bytes that wait for the end of what they belong to. */
  get waiting(): number {
    return this.#bytes
  }

  /**
   * @param end - of a line, or of a block
   * @param most - bytes that may come before the end
   * @returns what came up to the end, without it, and the rest of the chunk; undefined while the end is missing
   * @throws MeshError HTTP_INVALID
   */
  take(chunk: Buffer, end: '\r\n' | '\r\n\r\n', most: number): { bytes: Buffer; rest: Buffer } | undefined {
    const overlap = this.#tail.length
    const seam = overlap === 0 ? chunk : Buffer.concat([this.#tail, chunk])
    const at = seam.indexOf(end)
    const atInChunk = at === -1 ? chunk.length : Math.max(0, at + end.length - overlap)
    const part = chunk.subarray(0, atInChunk)
    if (this.#bytes + part.length > most + end.length)
      throw new MeshError('HTTP_INVALID', `The request is refused: its head, or a line of it, has over ${most} bytes.`)
    this.#bytes += part.length
    if (at === -1) {
      if (hasBareLineFeed(seam))
        throw new MeshError('HTTP_INVALID', 'The request is refused: a line of it does not end with CRLF.')
      // the memory of a chunk is used again
      this.#pieces.push(Buffer.from(part))
      this.#tail = Buffer.from(seam.subarray(Math.max(0, seam.length - (end.length - 1))))
      return undefined
    }
    const all = Buffer.concat([...this.#pieces, part])
    this.#pieces = []
    this.#bytes = 0
    this.#tail = nothing
    return { bytes: all.subarray(0, all.length - end.length), rest: chunk.subarray(atInChunk) }
  }
}
