import type { Connection, Stream } from '@libp2p/interface'

/** Streams of one connection that are negotiated before everybody else has a turn. */
const perTurn = 8

/** What a peer may owe at once, in streams that came to nothing. */
const mostOwed = 256
/** How many of those are forgiven per second: as many a peer can open in the long run, so that they cost little. */
const forgivenPerSecond = 128

interface Muxer {
  addEventListener: (type: 'stream', listener: (event: CustomEvent<Stream>) => void) => void
  removeEventListener: (type: 'stream', listener: (event: CustomEvent<Stream>) => void) => void
}

/** Typed away by libp2p, and the only place where a stream is seen before work is spent on it. */
interface Inside {
  muxer: Muxer
  onIncomingStream: (event: CustomEvent<Stream>) => void
}

const isInside = (connection: object): connection is Inside =>
  'muxer' in connection &&
  typeof connection.muxer === 'object' &&
  connection.muxer !== null &&
  'onIncomingStream' in connection &&
  typeof connection.onIncomingStream === 'function'

export interface StreamPaceInit {
  /** Milliseconds of a clock that never goes back. */
  now?: () => number
}

/**
 * Lets a peer that opens streams in bursts, or for nothing, wait for itself. Of what arrives in one read a few streams are
 * negotiated at once and the rest in later turns of the event loop, between which every other connection is served. Each
 * is owed until it is used or ends in order; who owes too much has its further streams negotiated only as fast as its debt
 * is forgiven. A stream that is given up before its turn costs nothing.
 */
export class StreamPace {
  readonly #accept: (event: CustomEvent<Stream>) => void
  readonly #now: () => number
  /** In the order of their arrival; a stream leaves when its turn comes or when its peer gives it up. */
  readonly #waiting = new Set<CustomEvent<Stream>>()
  readonly #owing = new Set<Stream>()
  #owed = 0
  #owedAtMs: number
  #inThisTurn = 0
  #isArmed = false

  private constructor({ muxer, onIncomingStream }: Inside, { now = () => performance.now() }: StreamPaceInit) {
    this.#accept = onIncomingStream
    this.#now = now
    this.#owedAtMs = now()
    muxer.removeEventListener('stream', onIncomingStream)
    muxer.addEventListener('stream', this.#onStream)
  }

  /** @returns undefined where this version of libp2p does not show its streams; then they are negotiated as they come */
  static of(connection: Connection, init: StreamPaceInit = {}): StreamPace | undefined {
    const inside: object = connection
    return isInside(inside) ? new StreamPace(inside, init) : undefined
  }

  /** The stream is put to use. */
  settle(stream: Stream): void {
    if (this.#owing.delete(stream)) this.#owed = Math.max(0, this.#owed - 1)
  }

  readonly #onStream = (event: CustomEvent<Stream>): void => {
    const { detail: stream } = event
    if (this.#waiting.size === 0 && this.#mayTake()) this.#take(event)
    else {
      this.#waiting.add(event)
      this.#arm()
    }
    stream.addEventListener(
      'close',
      () => {
        this.#waiting.delete(event)
        if (stream.status === 'closed') this.settle(stream)
        else this.#owing.delete(stream)
      },
      { once: true }
    )
  }

  #mayTake(): boolean {
    const nowMs = this.#now()
    this.#owed = Math.max(0, this.#owed - ((nowMs - this.#owedAtMs) / 1000) * forgivenPerSecond)
    this.#owedAtMs = nowMs
    return this.#inThisTurn < perTurn && this.#owed < mostOwed
  }

  #take(event: CustomEvent<Stream>): void {
    this.#inThisTurn++
    this.#owed++
    this.#owing.add(event.detail)
    this.#arm()
    this.#accept(event)
  }

  #arm(): void {
    if (this.#isArmed) return
    this.#isArmed = true
    if (this.#owed < mostOwed) setImmediate(this.#next)
    else setTimeout(this.#next, 1000 / forgivenPerSecond).unref()
  }

  readonly #next = (): void => {
    this.#isArmed = false
    this.#inThisTurn = 0
    for (const event of this.#waiting) {
      if (!this.#mayTake()) break
      this.#waiting.delete(event)
      this.#take(event)
    }
    if (this.#waiting.size > 0) this.#arm()
  }
}
