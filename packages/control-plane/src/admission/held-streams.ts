import { limits, MeshError } from '@agent-mesh/wire'
import type { Connection, Stream } from '@libp2p/interface'

interface Held {
  /** Streams that wait at this moment. */
  waiting: number
  /** Streams that ever came, those that were turned away included. */
  seen: number
}

export interface HeldStreamsInit {
  /** Settles when the connection is admitted or refused. */
  admission: (connection: Connection) => Promise<void>
  /** The connection opened and ended streams without end. */
  onFlood: (connection: Connection, error: MeshError) => void
  most?: number
}

/**
 * Streams that come before the hello of their connection is finished. They wait, paused: a stream that was aborted
 * because this side was a little later than the other is never opened again by gossipsub. What a paused stream may
 * send is one window, so that the number of them bounds the memory.
 */
export class HeldStreams {
  readonly #held = new WeakMap<Connection, Held>()
  readonly #init: HeldStreamsInit
  readonly #most: number

  constructor(init: HeldStreamsInit) {
    this.#init = init
    this.#most = init.most ?? limits.strangerHeldStreams
  }

  /** Streams of a connection that wait at this moment. */
  count(connection: Connection): number {
    return this.#held.get(connection)?.waiting ?? 0
  }

  /**
   * Resolves when the stream may be handled. Where it rejects, libp2p aborts the stream.
   * @throws MeshError LIMIT_EXCEEDED or the reason of the refusal
   */
  async hold(stream: Stream, connection: Connection): Promise<void> {
    const held = this.#held.get(connection) ?? { waiting: 0, seen: 0 }
    this.#held.set(connection, held)
    held.seen += 1
    if (held.seen > limits.strangerStreams) {
      const error = new MeshError(
        'LIMIT_EXCEEDED',
        `${connection.remotePeer.toString()} opened more than ${limits.strangerStreams} streams before its hello.`
      )
      this.#init.onFlood(connection, error)
      throw error
    }
    if (held.waiting >= this.#most)
      throw new MeshError(
        'LIMIT_EXCEEDED',
        `${this.#most} streams of ${connection.remotePeer.toString()} wait for its hello already.`
      )
    held.waiting += 1
    pause(stream)
    try {
      await this.#init.admission(connection)
    } finally {
      held.waiting -= 1
    }
    if (stream.readStatus === 'paused') stream.resume()
  }
}

const pause = (stream: Stream): void => {
  // a stream whose remote end has closed already takes no more data and cannot be paused
  if (stream.readStatus === 'readable') stream.pause()
}
