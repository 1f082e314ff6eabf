import type { Stream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import { limits, MeshError } from '@agent-mesh/wire'
import type { Sender, SendTurns } from './send-turns.ts'

/**
 * The write side of one libp2p stream.
 *
 * `send()` of a stream never refuses: it buffers without limit and says false. The stream is ready again when it neither
 * waits for a drain nor holds bytes back, and either of two events may be the one that says so. Both are emitted while
 * the stream is inside its own send loop, where bytes that are handed over are queued and then forgotten; so nothing is
 * sent from there.
 */
export class StreamWriter implements Sender {
  readonly sendOne: (isAlone: boolean) => boolean
  readonly #stream: Stream
  readonly #turns: SendTurns
  #end: Promise<void> | undefined

  /** @param sendOne - sends one frame by {@link send}; returns whether there is more */
  constructor(stream: Stream, turns: SendTurns, sendOne: (isAlone: boolean) => boolean) {
    this.#stream = stream
    this.#turns = turns
    this.sendOne = sendOne
    stream.addEventListener('drain', this.#onEvent)
    stream.addEventListener('idle', this.#onEvent)
  }

  /** To be called when there is something to send. */
  request(): void {
    this.#turns.request(this)
  }

  /** Whether the stream takes bytes at all. */
  get isOpen(): boolean {
    return this.#stream.writeStatus === 'writable'
  }

  /** False while bytes should rather stay with us. */
  get isReady(): boolean {
    return !this.#stream.writableNeedsDrain && this.#stream.writeBufferLength === 0
  }

  /**
   * Hands bytes over, ready or not.
   * @throws MeshError CONNECTION_LOST where the stream takes none any more
   */
  send(bytes: Uint8Array | Uint8ArrayList): void {
    try {
      this.#stream.send(bytes)
    } catch (cause) {
      throw new MeshError('CONNECTION_LOST', 'The connection to the peer was lost.', { cause })
    }
  }

  /** Closes after both directions are done; aborts where the other side does not follow in time. Never rejects. */
  close(): Promise<void> {
    this.#end ??= this.#close()
    return this.#end
  }

  /** Gets the last bytes out, where the connection takes them in time, and aborts the stream. Never rejects. */
  abort(reason: Error, lastBytes?: Uint8Array): Promise<void> {
    this.#end ??= this.#abort(reason, lastBytes)
    return this.#end
  }

  /** Stops listening to the stream. */
  release(): void {
    this.#turns.cancel(this)
    this.#stream.removeEventListener('drain', this.#onEvent)
    this.#stream.removeEventListener('idle', this.#onEvent)
  }

  readonly #onEvent = (): void => this.#turns.wake()

  async #close(): Promise<void> {
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    const onClose = (): void => resolve()
    this.#stream.addEventListener('close', onClose, { once: true })
    const overdue = new AbortController()
    const timer = setTimeout(() => {
      overdue.abort()
      this.#stream.abort(new Error('The other side did not close the tunnel in time.'))
      resolve()
    }, limits.tunnelCloseTimeoutMs)
    // Where it fails, the stream is over or the timer ends it.
    this.#stream.close({ signal: overdue.signal }).catch(() => {})
    if (isOver(this.#stream)) resolve()
    await closed
    clearTimeout(timer)
    this.#stream.removeEventListener('close', onClose)
    this.release()
  }

  async #abort(reason: Error, lastBytes: Uint8Array | undefined): Promise<void> {
    if (lastBytes !== undefined && !isOver(this.#stream)) {
      try {
        this.#stream.send(lastBytes)
        await this.#flushed()
      } catch {
        // The stream takes nothing any more: the abort is all that is left to say.
      }
    }
    this.#stream.abort(reason)
    this.release()
  }

  /** Resolves when the stream holds nothing back, is over, or the time for last words is up. */
  async #flushed(): Promise<void> {
    if (this.#stream.writeBufferLength === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const check = (): void => {
      if (this.#stream.writeBufferLength === 0) resolve()
    }
    const timer = setTimeout(resolve, limits.tunnelResetTimeoutMs)
    const onClose = (): void => resolve()
    this.#stream.addEventListener('idle', check)
    this.#stream.addEventListener('close', onClose)
    await promise
    clearTimeout(timer)
    this.#stream.removeEventListener('idle', check)
    this.#stream.removeEventListener('close', onClose)
  }
}

/** True where the stream will neither take nor bring another byte. */
export const isOver = (stream: Stream): boolean => stream.status !== 'open' && stream.status !== 'closing'
