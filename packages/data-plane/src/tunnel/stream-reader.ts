import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { release } from '@agent-mesh/slabs'
import { FrameDecoder, type FrameSink } from '@agent-mesh/wire'
import { PreambleDecoder } from './preamble.ts'
import { isOver } from './stream-writer.ts'

/** What a stream brings. `data`, `fin`, `reset` and `credit` may throw a MeshError, which ends up in `onError`. */
export interface ReaderSink extends FrameSink {
  preamble: (message: Uint8Array) => void
  /** Everything of one event has been handed on. */
  batchEnd: () => void
  error: (error: unknown) => void
  /** The stream ended. Whether that is a cut depends on what came before. */
  end: (cause?: Error) => void
}

/**
 * The read side of one libp2p stream: its first message, then frames. It listens from the first moment and never pauses
 * the stream, since the credits bound what may come.
 */
export class StreamReader {
  readonly #stream: Stream
  readonly #sink: ReaderSink
  readonly #frames: FrameDecoder
  #preamble: PreambleDecoder | undefined = new PreambleDecoder()
  #isReleased = false
  /** Of the chunk that is being read. */
  #payloadBytes = 0

  constructor(stream: Stream, sink: ReaderSink) {
    this.#stream = stream
    this.#sink = sink
    this.#frames = new FrameDecoder({
      ...sink,
      data: (payload) => {
        this.#payloadBytes += payload.length
        sink.data(payload)
      }
    })
    stream.addEventListener('message', this.#onMessage)
    stream.addEventListener('end', this.#onEnd)
    stream.addEventListener('close', this.#onClose)
    if (isOver(stream) || stream.readableEnded) this.#onEnd()
  }

  /** Stops listening; what comes from here on is dropped. */
  release(): void {
    this.#isReleased = true
    this.#stream.removeEventListener('message', this.#onMessage)
    this.#stream.removeEventListener('end', this.#onEnd)
    this.#stream.removeEventListener('close', this.#onClose)
  }

  readonly #onMessage = ({ data }: StreamMessageEvent): void => {
    try {
      for (const chunk of data instanceof Uint8Array ? [data] : data) this.#onChunk(chunk)
    } catch (err) {
      this.#sink.error(err)
    }
    this.#sink.batchEnd()
  }

  /** What a chunk has beside payload is given back; the payload is for whoever gets it. */
  #onChunk(chunk: Uint8Array): void {
    this.#payloadBytes = 0
    this.#read(chunk)
    release(chunk, chunk.length - this.#payloadBytes)
  }

  #read(chunk: Uint8Array): void {
    if (this.#isReleased) return
    if (this.#preamble === undefined) return this.#frames.push(chunk)
    const complete = this.#preamble.push(chunk)
    if (complete === undefined) return
    this.#preamble = undefined
    this.#sink.preamble(complete.message)
    this.#frames.push(complete.rest)
  }

  /** Later: bytes that were read ahead while the protocol was negotiated are still to come. */
  readonly #onEnd = (): void => {
    setTimeout(() => {
      if (!this.#isReleased) this.#sink.end()
    }, 0)
  }

  readonly #onClose = (event: StreamCloseEvent): void => {
    if (this.#stream.readBufferLength > 0) this.#onEnd()
    else this.#sink.end(event.error)
  }
}
