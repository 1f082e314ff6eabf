import {
  UnsupportedProtocolError,
  type MessageStream,
  type Stream,
  type StreamMessageEvent,
  type StreamMuxerFactory
} from '@libp2p/interface'

/** One line of multistream-select: its length, then the text and a line feed. */
const lineOf = (text: string): Uint8Array => {
  const line = new TextEncoder().encode(`${text}\n`)
  // a protocol of the mesh is shorter than what needs a second byte of length
  if (line.length > 0x7f) throw new RangeError(`The protocol id has ${text.length} characters.`)
  return Uint8Array.of(line.length, ...line)
}

/** What a side says first of a stream, and hears back where the other one speaks the protocol as well. */
const sayingOf = (protocol: string): Uint8Array => Buffer.concat([lineOf('/multistream/1.0.0'), lineOf(protocol)])

const sayings = new Map<string, Uint8Array>()
const mostSayings = 64

const knownSayingOf = (protocol: string): Uint8Array => {
  const known = sayings.get(protocol)
  if (known !== undefined) return known
  const made = sayingOf(protocol)
  if (sayings.size < mostSayings) sayings.set(protocol, made)
  return made
}

/** What a stream of `@libp2p/yamux` has beside its interface. */
interface ReadStream extends Stream {
  onData: (data: StreamMessageEvent['data']) => void
}

const isRead = (stream: unknown): stream is ReadStream =>
  typeof stream === 'object' && stream !== null && typeof Reflect.get(stream, 'onData') === 'function'

/** Says the protocol at once, and takes the answer off the front of what comes. */
const sayAtOnce = (stream: ReadStream, protocol: string): void => {
  const saying = knownSayingOf(protocol)
  let heard = 0
  stream.protocol = protocol
  const { onData } = stream
  stream.onData = (data) => {
    const length = Math.min(data.byteLength, saying.length - heard)
    const isExpected = Buffer.compare(data.subarray(0, length), saying.subarray(heard, heard + length)) === 0
    if (!isExpected) {
      stream.abort(new UnsupportedProtocolError(`The peer does not speak ${protocol}.`))
      return
    }
    heard += length
    if (heard < saying.length) return
    stream.onData = onData
    if (data.byteLength > length)
      stream.onData(data instanceof Uint8Array ? data.subarray(length) : data.sublist(length))
  }
  stream.send(saying)
}

/** Under which a muxer makes the streams of this side. */
const making = 'onCreateStream'

/**
 * Honours `negotiateFully: false` of `newStream()`, which libp2p declares and ignores: the protocol leaves together with
 * what the caller sends first, instead of a round trip before it. The bytes are those of multistream-select, so that the
 * other side may be any libp2p. Where it does not speak the protocol, the stream is aborted with UnsupportedProtocolError
 * once it says so.
 */
export const withEagerStreams =
  <C>(factoryOf: (components: C) => StreamMuxerFactory): ((components: C) => StreamMuxerFactory) =>
  (components) => {
    const factory = factoryOf(components)
    return {
      protocol: factory.protocol,
      createStreamMuxer: (connection: MessageStream) => {
        const muxer = factory.createStreamMuxer(connection)
        const make: unknown = Reflect.get(muxer, making)
        if (typeof make !== 'function') throw new TypeError('@libp2p/yamux makes its streams elsewhere')
        Reflect.set(muxer, making, (options: { protocol?: string; negotiateFully?: boolean } = {}) => {
          const stream: unknown = Reflect.apply(make, muxer, [options])
          const { protocol, negotiateFully } = options
          if (negotiateFully !== false || protocol === undefined) return stream
          if (!isRead(stream)) throw new TypeError('@libp2p/yamux reads its streams elsewhere')
          sayAtOnce(stream, protocol)
          return stream
        })
        return muxer
      }
    }
  }
