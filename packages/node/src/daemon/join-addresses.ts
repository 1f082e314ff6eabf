import { limits } from '@agent-mesh/wire'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Host } from '../host/create-host.ts'

/**
 * Where somebody who joins reaches this node: its own addresses, then the way through carriers. Relays of the mesh are
 * not among them, as they relay for members alone.
 */
export const joinAddresses = (host: Pick<Host, 'getMultiaddrs' | 'services' | 'peerId'>): Multiaddr[] => {
  const carried = host.services.relay.held
    .all()
    .flatMap(({ isCarrier, addresses }) => (isCarrier === true ? addresses : []))
    .map((address) => address.encapsulate(`/p2p/${host.peerId.toString()}`))
  return [...host.getMultiaddrs().slice(0, Math.max(0, limits.addressesPerRecord - carried.length)), ...carried]
}
