import { once } from 'node:events'
import { TimeoutError, type AbortOptions, type Logger } from '@libp2p/interface'
import { AbstractMultiaddrConnection, type SendResult } from '@libp2p/utils'
import type { Socket } from 'node:net'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface PunchedConnectionInit {
  socket: Socket
  remoteAddr: Multiaddr
  direction: 'inbound' | 'outbound'
  log: Logger
  /** Milliseconds without a byte after which it is given up; 2 minutes unless told, as in libp2p. */
  inactivityTimeout?: number
}

/** A connection of libp2p on a socket that is connected already, whoever of both sides connected it. */
export class PunchedConnection extends AbstractMultiaddrConnection {
  /** Under the name that an encrypter looks for which takes the socket over. */
  readonly socket: Socket

  constructor({ socket, ...init }: PunchedConnectionInit) {
    super(init)
    this.socket = socket
    socket.on('data', (bytes) => this.onData(bytes))
    socket.on('error', (err) => this.abort(err))
    socket.setTimeout(this.inactivityTimeout)
    socket.once('timeout', () => this.abort(new TimeoutError()))
    // a socket that is not half open ends its own side by itself
    socket.once('end', () => this.onTransportClosed())
    socket.once('close', (hadError) => {
      if (hadError) this.abort(new Error('The TCP connection failed.'))
      else this.onTransportClosed()
    })
    socket.on('drain', () => this.safeDispatchEvent('drain'))
  }

  override sendData(data: Uint8ArrayList): SendResult {
    let canSendMore = true
    this.socket.cork()
    for (const bytes of data) canSendMore = this.socket.write(bytes)
    this.socket.uncork()
    return { sentBytes: data.byteLength, canSendMore }
  }

  override async sendClose({ signal }: AbortOptions = {}): Promise<void> {
    if (this.socket.destroyed) return
    this.socket.destroySoon()
    await once(this.socket, 'close', signal === undefined ? {} : { signal })
  }

  override sendReset(): void {
    // after an end there is no reset: both at once make libuv fail
    if (this.socket.writableEnded) this.socket.destroy()
    else this.socket.resetAndDestroy()
  }

  override sendPause(): void {
    this.socket.pause()
  }

  override sendResume(): void {
    this.socket.resume()
  }
}
