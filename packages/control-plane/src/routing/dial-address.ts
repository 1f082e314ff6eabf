import type { Connection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { DialParts } from './dialler.ts'

/**
 * One dial of one address that ends in the id of the peer, below the dial queue of the host.
 * @throws DialDeniedError, UnexpectedPeerError where somebody else answers, and what the transport throws
 */
export const dialAddress = async (
  host: Pick<DialParts, 'connectionGater' | 'transportManager'>,
  peer: PeerId,
  address: Multiaddr,
  signal: AbortSignal
): Promise<Connection> => {
  if ((await host.connectionGater.denyDialMultiaddr?.(address)) === true) {
    throw Object.assign(new Error('our own gate forbids it'), { name: 'DialDeniedError' })
  }
  const connection = await host.transportManager.dial(address, { signal })
  if (connection.remotePeer.equals(peer)) return connection
  connection.abort(new Error('somebody else'))
  throw Object.assign(new Error(`${connection.remotePeer.toString()} answers there`), { name: 'UnexpectedPeerError' })
}
