import { overlay } from '../admission/overlay.ts'
import type { MessageStream, PeerId, Stream } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'

/**
 * kad-dht answers any number of requests on a stream, one after the other, and gives a stream up after 10 s without one:
 * ours are kept for half of that, so that no request meets the end of its stream.
 */
const defaultKeptMs = 5_000
/** Kept for one peer: one for each path of a lookup. */
const mostPerPeer = 2

const isUsable = (stream: Stream): boolean =>
  stream.status === 'open' && stream.remoteWriteStatus === 'writable' && stream.readBufferLength === 0

type AddListener = MessageStream['addEventListener']

/** Stands for the stream during one request: what the request hung on the stream goes with it. */
const lend = (stream: Stream, giveBack: () => void): Stream => {
  const hung: Array<Parameters<AddListener>> = []
  let isOver = false
  const end = (): boolean => {
    if (isOver) return false
    isOver = true
    for (const [type, listener] of hung) stream.removeEventListener(type, listener)
    return true
  }
  const addEventListener: AddListener = (...args: Parameters<AddListener>) => {
    hung.push(args)
    stream.addEventListener(...args)
  }
  return overlay<Stream>(stream, {
    addEventListener,
    close: async (options) => {
      if (!end()) return
      if (isUsable(stream)) giveBack()
      else await stream.close(options)
    },
    // a request that is over has nothing to say about the one that has the stream now
    abort: (error) => {
      if (end()) stream.abort(error)
    }
  })
}

/**
 * The connection manager as a DHT may see it: a stream that it closes after an answer is kept for its next request to the
 * same peer. A new one costs a round trip that agrees on the protocol, and more processor time at both ends than the
 * request itself. One that is aborted, as by a lookup that was settled without it, is gone.
 */
export const keepStreams = (manager: ConnectionManager, keptMs = defaultKeptMs): ConnectionManager => {
  /** By peer and protocol: functions that take a stream out. */
  const kept = new Map<string, Array<() => Stream>>()

  const keep = (key: string, stream: Stream): void => {
    const idle = kept.get(key) ?? []
    const take = (): Stream => {
      clearTimeout(timer)
      stream.removeEventListener('message', onMessage)
      stream.removeEventListener('remoteCloseWrite', onEnd)
      stream.removeEventListener('close', onEnd)
      idle.splice(idle.indexOf(take), 1)
      if (idle.length === 0) kept.delete(key)
      return stream
    }
    const onEnd = (): void => {
      take()
        .close()
        .catch((error: Error) => stream.abort(error))
    }
    const onMessage = (): void => take().abort(new Error('An answer came that nobody asked for.'))
    const timer = setTimeout(onEnd, keptMs).unref()
    stream.addEventListener('message', onMessage)
    stream.addEventListener('remoteCloseWrite', onEnd)
    stream.addEventListener('close', onEnd)
    idle.push(take)
    kept.set(key, idle)
    if (idle.length > mostPerPeer) onEnd()
  }

  return overlay<ConnectionManager>(manager, {
    openStream: async (peer: PeerId, protocol, options) => {
      const key = `${peer.toString()} ${protocol.toString()}`
      for (const take of kept.get(key)?.toReversed() ?? []) {
        const stream = take()
        if (isUsable(stream)) return lend(stream, () => keep(key, stream))
        stream.abort(new Error('The stream ended while nobody used it.'))
      }
      const stream = await manager.openStream(peer, protocol, options)
      return lend(stream, () => keep(key, stream))
    }
  })
}
