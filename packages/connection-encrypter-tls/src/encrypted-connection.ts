import { once } from 'node:events'
import type { TLSSocket } from 'node:tls'
import { TimeoutError, type AbortOptions, type MessageStream } from '@libp2p/interface'
import { AbstractMessageStream, type SendResult } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'

/** The plain bytes of a connection whose socket belongs to TLS. */
export class EncryptedConnection extends AbstractMessageStream {
  readonly #socket: TLSSocket
  readonly #transport: MessageStream

  /**
   * @param transport - the connection that the socket was taken from; it hears of the socket's end
   * @param socket - after its handshake
   */
  constructor(transport: MessageStream, socket: TLSSocket) {
    super({
      log: transport.log,
      direction: transport.direction,
      inactivityTimeout: transport.inactivityTimeout,
      maxReadBufferLength: transport.maxReadBufferLength
    })
    this.#socket = socket
    this.#transport = transport
    socket.on('data', (bytes: Buffer) => this.onData(bytes))
    // Connections are never half open, and a write that was under way when the other side ended may never be done: to wait
    // for it would keep a connection that nobody is at the other end of.
    socket.once('end', () => socket.destroy())
    socket.on('drain', () => this.safeDispatchEvent('drain'))
    socket.on('error', (err) => transport.abort(err))
    socket.setTimeout(transport.inactivityTimeout, () => transport.abort(new TimeoutError()))
    transport.addEventListener('close', ({ error, local }) => {
      socket.destroy()
      if (error === undefined || error === null) this.onTransportClosed()
      else if (local === true) this.abort(error)
      else this.onRemoteReset()
    })
  }

  override sendData(data: Uint8ArrayList): SendResult {
    // one record of TLS for many small pieces, and one system call for what is sent in one turn of the event loop
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork()
      setImmediate(this.#uncork)
    }
    let canSendMore = true
    for (const bytes of data) canSendMore = this.#socket.write(bytes)
    return { sentBytes: data.byteLength, canSendMore }
  }

  readonly #uncork = (): void => this.#socket.uncork()

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

  override async close({ signal }: AbortOptions = {}): Promise<void> {
    if (!this.#socket.closed) {
      this.#socket.destroySoon()
      await once(this.#socket, 'close', signal === undefined ? {} : { signal })
    }
    await this.#transport.close(signal === undefined ? {} : { signal })
  }
}
