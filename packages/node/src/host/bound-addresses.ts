import type { Libp2pEvents, TypedEventTarget } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

interface Components {
  transportManager: { getAddrs: () => Multiaddr[] }
  addressManager: { confirmObservedAddr: (address: Multiaddr, options: { type: 'transport'; ttl: number }) => void }
  events: Pick<TypedEventTarget<Libp2pEvents>, 'addEventListener'>
}

export interface BoundAddresses {
  /** What the host listens on, whatever it announces; an address for each interface where it listens on all. */
  addresses: () => Multiaddr[]
  /** Takes up what the interfaces of this machine are by now. */
  refresh: () => void
}

/** Nobody asks again within the life of a node. */
const ttlMs = 365 * 24 * 3_600_000

/**
 * The addresses of the interfaces that the host listens on, told to others. libp2p keeps those that are not private to
 * itself until somebody has dialled them back, by a service that this node does not have: a server in a data centre would
 * have no address at all.
 */
export const boundAddresses = ({ transportManager, addressManager, events }: Components): BoundAddresses => {
  const refresh = (): void => {
    for (const address of transportManager.getAddrs())
      addressManager.confirmObservedAddr(address, { type: 'transport', ttl: ttlMs })
  }
  events.addEventListener('transport:listening', refresh)
  return { addresses: () => transportManager.getAddrs(), refresh }
}
