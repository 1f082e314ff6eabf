import type { MessageStream, Stream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'

/** What a stream of `@libp2p/yamux` has beside its interface. */
interface WindowedStream extends Stream {
  /** Bytes that its peer may send before it has to wait. */
  recvWindowCapacity: number
  /** The same, where nothing is on its way. */
  recvWindow: number
  state: number
  sendWindowUpdate: () => void
}

/** States in which an update says nothing but how much more may come: SYN sent, and established. */
const plainStates: ReadonlySet<number> = new Set([1, 3])

const isWindowed = (stream: Stream): stream is WindowedStream =>
  ['recvWindowCapacity', 'recvWindow', 'state'].every((name) => typeof Reflect.get(stream, name) === 'number') &&
  typeof Reflect.get(stream, 'sendWindowUpdate') === 'function'

/** Its peer hears that it may send more when half of the window is used, as in yamux of Go, and not after each frame. */
const lazy = (stream: Stream): Stream => {
  if (!isWindowed(stream)) throw new TypeError('@libp2p/yamux keeps its windows elsewhere')
  const sendWindowUpdate = stream.sendWindowUpdate.bind(stream)
  stream.sendWindowUpdate = () => {
    const hasRoom = stream.recvWindowCapacity > stream.recvWindow / 2
    if (!(hasRoom && plainStates.has(stream.state))) sendWindowUpdate()
  }
  return stream
}

type NewStream = (...init: unknown[]) => Stream

const isMaking = (muxer: StreamMuxer): muxer is StreamMuxer & { _newStream: NewStream } =>
  typeof Reflect.get(muxer, '_newStream') === 'function'

/** `@libp2p/yamux`, whose streams answer every frame with one of their own, with half as many packets. */
export const withLazyWindows =
  <C>(make: (components: C) => StreamMuxerFactory): ((components: C) => StreamMuxerFactory) =>
  (components) => {
    const factory = make(components)
    return {
      protocol: factory.protocol,
      createStreamMuxer: (connection: MessageStream) => {
        const muxer = factory.createStreamMuxer(connection)
        if (!isMaking(muxer)) throw new TypeError('@libp2p/yamux makes its streams elsewhere')
        const newStream = muxer._newStream.bind(muxer)
        muxer._newStream = (...init) => lazy(newStream(...init))
        return muxer
      }
    }
  }
