import type { Stream } from '@libp2p/interface'

/** A stream whose other side has closed cannot be paused any more; it sends nothing either. */
const canTurn = ({ readStatus }: Stream): boolean => readStatus === 'readable' || readStatus === 'paused'

/**
 * Stops and starts what comes out of a stream. A yamux stream that is paused while it hands on, within `resume()`, what it
 * had buffered goes on granting its window though nobody reads, until its buffer is full and it aborts: so a pause that
 * falls there is made up for afterwards.
 */
export class StreamTap {
  readonly #stream: Stream
  #isOpening = false
  #isShut = false

  constructor(stream: Stream) {
    this.#stream = stream
  }

  shut(): void {
    this.#isShut = true
    if (!this.#isOpening && canTurn(this.#stream)) this.#stream.pause()
  }

  open(): void {
    this.#isShut = false
    if (this.#isOpening) return
    this.#isOpening = true
    try {
      if (canTurn(this.#stream)) this.#stream.resume()
    } finally {
      this.#isOpening = false
    }
    // what came out has shut it again
    if (this.isShut && canTurn(this.#stream)) this.#stream.pause()
  }

  get isShut(): boolean {
    return this.#isShut
  }
}
