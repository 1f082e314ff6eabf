import type { Connection, Stream } from '@libp2p/interface'

/** Streams of one connection that are negotiated before everybody else has a turn. */
const perTurn = 8

interface Muxer {
  addEventListener: (type: 'stream', listener: (event: CustomEvent<Stream>) => void) => void
  removeEventListener: (type: 'stream', listener: (event: CustomEvent<Stream>) => void) => void
}

/** Typed away by libp2p, and the only place where a stream is seen before work is spent on it. */
interface Inside {
  muxer: Muxer
  onIncomingStream: (event: CustomEvent<Stream>) => void
}

const isInside = (connection: object): connection is Inside =>
  'muxer' in connection &&
  typeof connection.muxer === 'object' &&
  connection.muxer !== null &&
  'onIncomingStream' in connection &&
  typeof connection.onIncomingStream === 'function'

/**
 * Lets a peer that opens streams in bursts wait for itself: of what arrives in one read, a few are negotiated at once and
 * the rest in later turns of the event loop, between which every other connection is served. A stream that its peer has
 * given up by then costs nothing.
 * @returns false where this version of libp2p does not show its streams; then they are negotiated as they come
 */
export const paceStreams = (connection: Connection): boolean => {
  const inside: object = connection
  if (!isInside(inside)) return false
  const { muxer, onIncomingStream } = inside
  /** In the order of their arrival; a stream leaves when its turn comes or when its peer gives it up. */
  const waiting = new Set<CustomEvent<Stream>>()
  let inThisTurn = 0
  const take = (event: CustomEvent<Stream>): void => {
    if (inThisTurn === 0) setImmediate(next)
    inThisTurn++
    onIncomingStream(event)
  }
  const next = (): void => {
    inThisTurn = 0
    for (const event of waiting) {
      waiting.delete(event)
      take(event)
      if (inThisTurn >= perTurn) return
    }
  }
  const queue = (event: CustomEvent<Stream>): void => {
    waiting.add(event)
    event.detail.addEventListener('close', () => waiting.delete(event), { once: true })
  }
  muxer.removeEventListener('stream', onIncomingStream)
  muxer.addEventListener('stream', (event) => {
    if (inThisTurn >= perTurn || waiting.size > 0) queue(event)
    else take(event)
  })
  return true
}
