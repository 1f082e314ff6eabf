import { limits, MeshError } from '@agent-mesh/wire'
import { parseField } from './head.ts'
import { LineBuffer } from './line-buffer.ts'
import type { Framing } from './framing.ts'

export interface Scanned {
  /** What may go on, in order; slices of what came wherever nothing is taken out. */
  out: Buffer[]
  /** What came after the end of the body; undefined while the body goes on. */
  rest: Buffer | undefined
}

const chunkSize = /^([0-9a-f]{1,12})(?:[\t ]*;[\t\u0020-\u007e\u0080-\u00ff]*)?$/i
const crlf = Buffer.from('\r\n')

const invalid = (why: string): MeshError => new MeshError('HTTP_INVALID', `The request is refused: ${why}.`)

type State =
  | { at: 'bytes'; left: number }
  | { at: 'chunk-size' }
  | { at: 'chunk'; left: number }
  | { at: 'chunk-end' }
  | { at: 'trailer'; bytes: number }
  | { at: 'close' }
  | { at: 'end' }

const startOf = (framing: Framing): State => {
  if (framing.by === 'length') return { at: 'bytes', left: framing.bytes }
  if (framing.by === 'chunks') return { at: 'chunk-size' }
  return framing.by === 'close' ? { at: 'close' } : { at: 'end' }
}

/**
 * Follows one body to its end. Its bytes pass as they came, apart from trailer fields that `isForbidden` names; the
 * lines between chunks are held until they are whole and were found valid.
 */
export class BodyScanner {
  readonly #lines = new LineBuffer()
  readonly #isForbidden: (name: string) => boolean
  #state: State

  constructor(framing: Framing, isForbidden: (name: string) => boolean = () => false) {
    this.#state = startOf(framing)
    this.#isForbidden = isForbidden
  }

  /** @throws MeshError HTTP_INVALID */
  push(chunk: Buffer): Scanned {
    const out: Buffer[] = []
    let rest: Buffer | undefined = chunk
    while (rest !== undefined) {
      if (this.#state.at === 'end') return { out, rest }
      if (rest.length === 0) break
      rest = this.#step(rest, out)
    }
    return { out, rest: undefined }
  }

  /** @returns what is still to be looked at; undefined where more has to come first */
  #step(chunk: Buffer, out: Buffer[]): Buffer | undefined {
    const state = this.#state
    switch (state.at) {
      case 'close':
        out.push(chunk)
        return undefined
      case 'bytes':
        return this.#pass(chunk, out, state.left, (left) => (left === 0 ? { at: 'end' } : { at: 'bytes', left }))
      case 'chunk':
        return this.#pass(chunk, out, state.left, (left) => (left === 0 ? { at: 'chunk-end' } : { at: 'chunk', left }))
      case 'chunk-end':
        return this.#line(chunk, (line) => this.#onChunkEnd(line, out))
      case 'chunk-size':
        return this.#line(chunk, (line) => this.#onSize(line, out))
      case 'trailer':
        return this.#line(chunk, (line) => this.#onTrailer(line, out, state.bytes + line.length))
      default:
        return chunk
    }
  }

  #pass(chunk: Buffer, out: Buffer[], left: number, next: (left: number) => State): Buffer {
    const part = chunk.subarray(0, left)
    out.push(part)
    this.#state = next(left - part.length)
    return chunk.subarray(part.length)
  }

  #line(chunk: Buffer, on: (line: Buffer) => void): Buffer | undefined {
    const taken = this.#lines.take(chunk, '\r\n', limits.httpLineBytes)
    if (taken === undefined) return undefined
    on(taken.bytes)
    return taken.rest
  }

  #onSize(line: Buffer, out: Buffer[]): void {
    const match = chunkSize.exec(line.toString('latin1'))
    if (match === null) throw invalid('the size of a chunk is not a hexadecimal number')
    const size = Number.parseInt(match[1] ?? '', 16)
    out.push(line, crlf)
    this.#state = size === 0 ? { at: 'trailer', bytes: 0 } : { at: 'chunk', left: size }
  }

  #onChunkEnd(line: Buffer, out: Buffer[]): void {
    if (line.length > 0) throw invalid('a chunk is longer than its size says')
    out.push(crlf)
    this.#state = { at: 'chunk-size' }
  }

  #onTrailer(line: Buffer, out: Buffer[], bytes: number): void {
    if (bytes > limits.httpHeadBytes) throw invalid(`its trailers have more than ${limits.httpHeadBytes} bytes`)
    if (line.length === 0) {
      out.push(crlf)
      this.#state = { at: 'end' }
      return
    }
    if (!this.#isForbidden(parseField(line.toString('latin1')).name)) out.push(line, crlf)
    this.#state = { at: 'trailer', bytes }
  }
}
