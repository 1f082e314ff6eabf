import { MeshError, toMeshError } from '@agent-mesh/wire'
import { decodeFrame, encodeFrame, type Frame } from './frame.ts'
import { FrameSplitter, withLength } from './frame-splitter.ts'
import type { Stream } from '@libp2p/interface'

export interface LinkInit {
  stream: Stream
  onFrame: (frame: Frame) => void
  /** Called once, whoever ended it. */
  onEnd: (error: MeshError | undefined) => void
  /** Whether the neighbour may send one message more at the moment. */
  mayRead: () => boolean
}

let signs = 0

/** Bytes that wait for a neighbour that does not read; more is not sent. */
const mostQueuedBytes = 256 * 1024

/**
 * One stream of messages to a neighbour. Messages are handled as they come and nothing is kept of them, so that reading
 * needs no back-pressure; who sends more than it may is cut off.
 */
export class Link {
  readonly #init: LinkInit
  readonly #splitter = new FrameSplitter()
  #hasEnded = false
  /** Grows with every sign of life on any link: a clock is too coarse for what comes in one packet. */
  heard: number

  constructor(init: LinkInit) {
    this.#init = init
    this.heard = ++signs
    const { stream } = init
    stream.addEventListener('message', ({ data }) => this.#read(data.subarray()))
    stream.addEventListener('remoteCloseWrite', () => this.end())
    stream.addEventListener('close', () => this.#ended(undefined))
    if (stream.readStatus === 'paused') stream.resume()
    if (stream.status !== 'open') this.#ended(undefined)
  }

  get isOpen(): boolean {
    return !this.#hasEnded
  }

  /** @returns false where it was not sent: the stream is over, or the neighbour does not read */
  send(frame: Frame): boolean {
    const { stream } = this.#init
    if (this.#hasEnded || stream.status !== 'open' || stream.writeBufferLength > mostQueuedBytes) return false
    try {
      stream.send(withLength(encodeFrame(frame)))
      return true
    } catch (err) {
      this.end(toMeshError(err, 'CONNECTION_LOST'))
      return false
    }
  }

  end(error?: MeshError): void {
    if (this.#hasEnded) return
    this.#ended(error)
    this.#init.stream.abort(error ?? new MeshError('CONNECTION_LOST', 'The stream of probes has ended.'))
  }

  #ended(error: MeshError | undefined): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#init.onEnd(error)
  }

  #read(chunk: Uint8Array): void {
    const { mayRead, onFrame } = this.#init
    this.heard = ++signs
    try {
      for (const bytes of this.#splitter.push(chunk)) {
        if (this.#hasEnded) return
        if (!mayRead()) throw new MeshError('RATE_LIMITED', 'A neighbour sends more messages of health than it may.')
        const frame = decodeFrame(bytes)
        if (frame !== undefined) onFrame(frame)
      }
    } catch (err) {
      this.end(toMeshError(err))
    }
  }
}
