import { AbstractMultiaddrConnection, type SendResult } from '@libp2p/utils'
import { StreamTap } from './stream-tap.ts'
import type { CircuitMeter } from './circuit-meter.ts'
import type { AbortOptions, MultiaddrConnection, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface CircuitConnectionInit {
  /** To the relay, after the circuit was agreed on. */
  stream: Stream
  remoteAddr: Multiaddr
  localAddr?: Multiaddr
  direction: 'inbound' | 'outbound'
  /** Where the relay limits what passes. */
  limits?: CircuitMeter
}

/** The stream to a relay as a connection to the peer behind it, which still has to be encrypted and upgraded. */
class CircuitConnection extends AbstractMultiaddrConnection {
  readonly #stream: Stream
  readonly #tap: StreamTap
  readonly #meter: CircuitMeter | undefined

  constructor({ stream, remoteAddr, localAddr, direction, limits }: CircuitConnectionInit) {
    super({
      remoteAddr,
      direction,
      log: stream.log.newScope('circuit'),
      ...(localAddr === undefined ? {} : { localAddr })
    })
    this.#stream = stream
    this.#tap = new StreamTap(stream)
    this.#meter = limits
    stream.addEventListener('close', ({ error }) => this.onTransportClosed(error))
    stream.addEventListener('remoteCloseWrite', () => {
      this.onRemoteCloseWrite()
      this.close().catch((err: Error) => this.abort(err))
    })
    stream.addEventListener('drain', () => this.safeDispatchEvent('drain'))
    stream.addEventListener('message', ({ data }) => {
      limits?.received(data.byteLength)
      this.onData(data)
    })
  }

  override sendData(data: Uint8ArrayList): SendResult {
    const sentBytes = data.byteLength
    this.#meter?.sent(sentBytes)
    return { sentBytes, canSendMore: this.#stream.send(data) }
  }

  override async sendClose(options?: AbortOptions): Promise<void> {
    await this.#stream.close(options)
  }

  override sendReset(err: Error): void {
    this.#stream.abort(err)
  }

  override sendPause(): void {
    this.#tap.shut()
  }

  override sendResume(): void {
    this.#tap.open()
  }
}

export const circuitConnection = (init: CircuitConnectionInit): MultiaddrConnection => new CircuitConnection(init)
