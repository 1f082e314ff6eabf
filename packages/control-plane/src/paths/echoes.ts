import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import { TokenBuckets } from '../admission/token-buckets.ts'
import type { Connection, Stream } from '@libp2p/interface'

const echoBytes = 8
/** Bytes that wait for somebody who sends and does not read. */
const mostQueuedBytes = 16 * 1024

export interface EchoesInit {
  protocol: string
  /** Milliseconds of a clock that never goes back. */
  now: () => number
}

interface Asked {
  sentMs: number
  resolve: (rttMs: number) => void
  reject: (error: Error) => void
}

/** One stream of echoes on one connection, from the side of who asks. */
class EchoStream {
  readonly #stream: Stream
  readonly #now: () => number
  readonly #asked = new Map<bigint, Asked>()
  #rest = new Uint8Array(0)
  #sequence = 0n

  constructor(stream: Stream, now: () => number) {
    this.#stream = stream
    this.#now = now
    stream.addEventListener('message', ({ data }) => this.#read(data.subarray()))
    stream.addEventListener('remoteCloseWrite', () => this.#end())
    stream.addEventListener('close', () => this.#end())
  }

  get isOpen(): boolean {
    return this.#stream.status === 'open'
  }

  async ask(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const sequence = ++this.#sequence
    const message = new Uint8Array(echoBytes)
    new DataView(message.buffer).setBigUint64(0, sequence)
    this.#asked.set(sequence, { sentMs: this.#now(), resolve, reject })
    if (this.#asked.size > limits.echoesAtOnce) this.#asked.delete(sequence - BigInt(limits.echoesAtOnce))
    this.#stream.send(message)
    return promise
  }

  #read(chunk: Uint8Array): void {
    const bytes = new Uint8Array(Buffer.concat([this.#rest, chunk]))
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    let at = 0
    for (; at + echoBytes <= bytes.length; at += echoBytes) {
      const sequence = view.getBigUint64(at)
      const asked = this.#asked.get(sequence)
      this.#asked.delete(sequence)
      asked?.resolve(this.#now() - asked.sentMs)
    }
    this.#rest = bytes.slice(at)
  }

  #end(): void {
    for (const { reject } of this.#asked.values())
      reject(new MeshError('CONNECTION_LOST', 'The stream of echoes ended.'))
    this.#asked.clear()
    if (this.#stream.status === 'open')
      this.#stream.abort(new MeshError('CONNECTION_LOST', 'The stream of echoes ended.'))
  }
}

/** Whether the other side serves no echoes: it is older than they are. */
export const isUnsupported = (err: unknown): boolean => err instanceof Error && err.name === 'UnsupportedProtocolError'

/**
 * Echoes on a stream of their own in a connection, so that what is measured is the way that tunnels take: multiplexer,
 * encryption and relay included. The other side sends back every byte; what they mean is a matter of who asks.
 */
export class Echoes {
  readonly handlerOptions = { maxInboundStreams: 2, maxOutboundStreams: 2, runOnLimitedConnection: true }
  readonly #init: EchoesInit
  readonly #streams = new WeakMap<Connection, Promise<EchoStream>>()
  readonly #paces: TokenBuckets
  #stopping = new AbortController()

  constructor(init: EchoesInit) {
    this.#init = init
    this.#paces = new TokenBuckets({
      capacity: limits.echoesAtOnce,
      perSecond: limits.echoesPerSecond,
      keys: limits.membersRemembered,
      now: init.now
    })
  }

  stop(): void {
    this.#stopping.abort(new MeshError('SHUTTING_DOWN'))
    this.#stopping = new AbortController()
  }

  /**
   * Waits as long as the connection lives.
   * @returns the round trip in milliseconds
   * @throws MeshError CONNECTION_LOST; libp2p's UnsupportedProtocolError where the other side knows no echoes
   */
  async ask(connection: Connection): Promise<number> {
    const known = await this.#streams.get(connection)?.catch(() => undefined)
    if (known?.isOpen === true) return known.ask()
    const opening = this.#open(connection)
    this.#streams.set(connection, opening)
    return (await opening).ask()
  }

  async #open(connection: Connection): Promise<EchoStream> {
    const { maxOutboundStreams, runOnLimitedConnection } = this.handlerOptions
    // Without a deadline: on a path that is silent it waits for the end of the silence, or of the connection.
    const stream = await connection.newStream(this.#init.protocol, {
      signal: this.#stopping.signal,
      maxOutboundStreams,
      runOnLimitedConnection
    })
    return new EchoStream(stream, this.#init.now)
  }

  /** Sends back what comes, at the pace of people who measure; whoever is faster is cut off. */
  readonly handler = (stream: Stream, connection: Connection): void => {
    const peer = connection.remotePeer.toString()
    stream.addEventListener('message', ({ data }) => {
      try {
        for (let bytes = 0; bytes < data.byteLength; bytes += echoBytes)
          if (!this.#paces.take(peer)) throw new MeshError('RATE_LIMITED', `${peer} asks for more echoes than it may.`)
        if (stream.writeBufferLength > mostQueuedBytes)
          throw new MeshError('RATE_LIMITED', `${peer} does not read the echoes that it asks for.`)
        if (stream.status === 'open') stream.send(data)
      } catch (err) {
        stream.abort(toMeshError(err, 'CONNECTION_LOST'))
      }
    })
    stream.addEventListener('remoteCloseWrite', () => void stream.close().catch(() => undefined))
    if (stream.readStatus === 'paused') stream.resume()
  }
}
