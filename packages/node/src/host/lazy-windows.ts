import { isBorrower, own } from '@agent-mesh/slabs'
import { Uint8ArrayList } from 'uint8arraylist'
import { FrameReader } from './frame-reader.ts'
import type { MessageStream, Stream, StreamMuxerFactory } from '@libp2p/interface'

/** What a stream of `@libp2p/yamux` has beside its interface. */
interface WindowedStream extends Stream {
  /** Bytes that its peer may send before it has to wait. */
  recvWindowCapacity: number
  /** The same, where nothing is on its way. */
  recvWindow: number
  state: number
  sendWindowUpdate: () => void
  onData: (data: Uint8Array | Uint8ArrayList) => void
}

/** States in which an update says nothing but how much more may come: SYN sent, and established. */
const plainStates: ReadonlySet<number> = new Set([1, 3])

const isWindowed = (stream: unknown): stream is WindowedStream =>
  typeof stream === 'object' &&
  stream !== null &&
  ['recvWindowCapacity', 'recvWindow', 'state'].every((name) => typeof Reflect.get(stream, name) === 'number') &&
  typeof Reflect.get(stream, 'sendWindowUpdate') === 'function'

/** Its peer hears that it may send more when half of the window is used, as in yamux of Go, and not after each frame. */
const lazy = (stream: unknown): Stream => {
  if (!isWindowed(stream)) throw new TypeError('@libp2p/yamux keeps its windows elsewhere')
  const sendWindowUpdate = stream.sendWindowUpdate.bind(stream)
  stream.sendWindowUpdate = () => {
    const hasRoom = stream.recvWindowCapacity > stream.recvWindow / 2
    if (!(hasRoom && plainStates.has(stream.state))) sendWindowUpdate()
  }
  const onData = stream.onData.bind(stream)
  stream.onData = (data) => onData(isBorrower(stream) ? data : owned(data))
  return stream
}

/** Bytes that may be kept. */
const owned = (data: Uint8Array | Uint8ArrayList): Uint8Array | Uint8ArrayList => {
  if (data instanceof Uint8Array) return own(data)
  const list = new Uint8ArrayList()
  for (const piece of data) list.append(own(piece))
  return list
}

/** Under which a muxer makes the streams of both sides. */
const making = '_newStream'

/** What turns bytes into frames. */
const reading = 'decoder'

/** `@libp2p/yamux`, whose streams answer every frame with one of their own, with half as many packets; it reads lent bytes. */
export const withLazyWindows =
  <C>(factoryOf: (components: C) => StreamMuxerFactory): ((components: C) => StreamMuxerFactory) =>
  (components) => {
    const factory = factoryOf(components)
    return {
      protocol: factory.protocol,
      createStreamMuxer: (connection: MessageStream) => {
        const muxer = factory.createStreamMuxer(connection)
        const make: unknown = Reflect.get(muxer, making)
        if (typeof make !== 'function') throw new TypeError('@libp2p/yamux makes its streams elsewhere')
        if (typeof Reflect.get(muxer, reading) !== 'object') throw new TypeError('@libp2p/yamux reads elsewhere')
        Reflect.set(muxer, reading, new FrameReader())
        Reflect.set(muxer, making, (...init: unknown[]) => lazy(Reflect.apply(make, muxer, init)))
        return muxer
      }
    }
  }
