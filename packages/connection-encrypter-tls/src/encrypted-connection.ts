import { once } from 'node:events'
import type { TLSSocket } from 'node:tls'
import { TimeoutError, type AbortOptions, type MessageStream } from '@libp2p/interface'
import { AbstractMessageStream, type SendResult } from '@libp2p/utils'
import { own, readIntoSlabs, type SlabReader } from '@agent-mesh/slabs'
import type { Uint8ArrayList } from 'uint8arraylist'
import { GatheredWrites } from './gathered-writes.ts'

/** Most plain bytes of a record. */
const recordBytes = 16 * 1024

/** What ends the socket of a connection when that is closed. */
interface Transport extends MessageStream {
  sendClose?: (options?: AbortOptions) => Promise<void>
}

/** The plain bytes of a connection whose socket belongs to TLS. */
export class EncryptedConnection extends AbstractMessageStream {
  readonly #socket: TLSSocket
  readonly #transport: MessageStream
  readonly #lends: boolean
  readonly #writes: GatheredWrites
  #reader: SlabReader | undefined
  #isScheduled = false

  /**
   * @param transport - the connection that the socket was taken from; it hears of the socket's end
   * @param socket - after its handshake
   * @param lends - whoever gets messages gives their memory back
   */
  constructor(transport: Transport, socket: TLSSocket, lends = false) {
    super({
      log: transport.log,
      direction: transport.direction,
      inactivityTimeout: transport.inactivityTimeout,
      maxReadBufferLength: transport.maxReadBufferLength
    })
    this.#socket = socket
    this.#lends = lends
    this.#transport = transport
    this.#writes = new GatheredWrites(socket, () => this.safeDispatchEvent('drain'))
    // libp2p closes the connection below and not this one. By itself that would take the socket away from under TLS: what
    // was sent in the same turn is lost then, and a connection that is closed in order ends as one that has failed.
    transport.sendClose = async (options) => this.#end(options)
    socket.on('data', (bytes: Buffer) => this.onData(bytes))
    readIntoSlabs(socket, (reader, bytes) => this.#onRead(reader, bytes))
    // Connections are never half open, and a write that was under way when the other side ended may never be done: to wait
    // for it would keep a connection that nobody is at the other end of.
    socket.once('end', () => {
      this.#handOn()
      socket.destroy()
    })
    socket.on('error', (err) => {
      this.#handOn()
      transport.abort(err)
    })
    socket.setTimeout(transport.inactivityTimeout, () => transport.abort(new TimeoutError()))
    transport.addEventListener('close', ({ error, local }) => {
      this.#handOn()
      socket.destroy()
      if (error === undefined || error === null) this.onTransportClosed()
      else if (local === true) this.abort(error)
      else this.onRemoteReset()
    })
  }

  override sendData(data: Uint8ArrayList): SendResult {
    // What a muxer answers while its connection is closed reaches nobody any more, and is no failure of it.
    if (this.#socket.writableEnded) return { sentBytes: data.byteLength, canSendMore: true }
    const canSendMore = this.#writes.add(data)
    return { sentBytes: data.byteLength, canSendMore }
  }

  /**
   * TLS hands over a record of 16 KiB at a time. Full ones are followed by more in most cases: they are kept, one behind the
   * other, and handed on together at the end of the turn of the event loop at the latest.
   */
  #onRead(reader: SlabReader, bytes: number): boolean {
    this.#reader = reader
    if (bytes < recordBytes || !reader.isRoomy) this.#handOn()
    else if (!this.#isScheduled) {
      this.#isScheduled = true
      setImmediate(this.#onTurnEnd)
    }
    return true
  }

  readonly #onTurnEnd = (): void => {
    this.#isScheduled = false
    this.#handOn()
  }

  #handOn(): void {
    if (this.#reader === undefined || this.#reader.keptBytes === 0) return
    const bytes = this.#reader.take()
    this.onData(this.#lends ? bytes : own(bytes))
  }

  override sendReset(err: Error): void {
    // first the transport: once TLS has let go of the handle there is nothing left to reset
    this.#transport.abort(err)
    this.#socket.destroy()
  }

  override sendPause(): void {
    this.#socket.pause()
  }

  override sendResume(): void {
    this.#socket.resume()
  }

  override async close(options: AbortOptions = {}): Promise<void> {
    await this.#end(options)
    await this.#transport.close(options)
  }

  /** Ends TLS once everything is written: its own goodbye, and then that of TCP. */
  async #end({ signal }: AbortOptions = {}): Promise<void> {
    const until = signal === undefined ? {} : { signal }
    if (this.#socket.closed) return
    const closed = once(this.#socket, 'close', until)
    if (this.writeBuffer.byteLength > 0) await Promise.race([once(this, 'idle', until), closed])
    this.#writes.flush()
    this.#socket.destroySoon()
    await closed
  }
}
