import { Socket } from 'node:net'
import type { MessageStream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'

/** What a TCP connection of libp2p keeps to itself. */
interface Internals {
  socket: Socket
  readBuffer: Uint8ArrayList
}

const hasInternals = (connection: object): connection is Internals =>
  'socket' in connection &&
  connection.socket instanceof Socket &&
  'readBuffer' in connection &&
  typeof connection.readBuffer === 'object'

/** Events of the socket that the connection turned into its own. What it must still hear of is `error` and `close`. */
const taken = ['data', 'end', 'drain', 'timeout'] as const

/**
 * Takes the socket out of a TCP connection that nobody reads any more; what it has read is put back.
 * @returns undefined where the connection has no TCP socket of its own, or has lost it
 */
export const takeSocket = (connection: MessageStream): Socket | undefined => {
  if (!hasInternals(connection)) return undefined
  const { socket, readBuffer } = connection
  if (socket.destroyed || socket.remoteAddress === undefined || connection.constructor.name.includes('Encrypted'))
    return undefined
  socket.pause()
  for (const event of taken) socket.removeAllListeners(event)
  socket.setTimeout(0)
  const early = readBuffer.byteLength === 0 ? undefined : readBuffer.slice()
  readBuffer.consume(readBuffer.byteLength)
  if (early !== undefined) socket.unshift(early)
  return socket
}
