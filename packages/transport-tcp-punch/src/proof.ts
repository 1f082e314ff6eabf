import { timingSafeEqual } from 'node:crypto'
import { MeshError } from '@agent-mesh/wire'
import { tokenBytes } from './message.ts'
import type { Socket } from 'node:net'

/** What both sides told each other over the connection that they have. */
export interface Tokens {
  own: Uint8Array
  theirs: Uint8Array
}

const readToken = async (socket: Socket, signal: AbortSignal): Promise<Uint8Array> => {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  const read = (): void => {
    const bytes: unknown = socket.read(tokenBytes)
    if (bytes instanceof Uint8Array) resolve(bytes)
  }
  const gone = (): void => reject(new MeshError('PUNCH_FAILED', 'A socket ended before it showed who is there.'))
  const aborted = (): void => reject(signal.reason)
  socket.on('readable', read)
  socket.once('end', gone)
  socket.once('close', gone)
  signal.addEventListener('abort', aborted, { once: true })
  try {
    signal.throwIfAborted()
    return await promise
  } finally {
    socket.off('readable', read)
    socket.off('end', gone)
    socket.off('close', gone)
    signal.removeEventListener('abort', aborted)
  }
}

const check = (shown: Uint8Array, { theirs }: Tokens): void => {
  if (shown.length !== theirs.length || !timingSafeEqual(shown, theirs))
    throw new MeshError('PUNCH_FAILED', 'Somebody else is at the other end of the socket.')
}

/**
 * A way to find out that the peer is at the other end of a socket: a mapping may belong to somebody else by then, and
 * anybody may connect to it. Who the peer is, the handshake of the connection proves afterwards.
 * @throws MeshError PUNCH_FAILED, the reason of the signal
 */
export type Proof = (socket: Socket, tokens: Tokens, signal: AbortSignal) => Promise<void>

/** The side that asked for the punch speaks first, so that of several sockets the other one chooses. */
export const showFirst: Proof = async (socket, tokens, signal) => {
  socket.write(tokens.own)
  check(await readToken(socket, signal), tokens)
}

export const showSecond: Proof = async (socket, tokens, signal) => {
  check(await readToken(socket, signal), tokens)
  socket.write(tokens.own)
}
