import { createRememberedPeers } from '@agent-mesh/control-plane'
import type { Multiaddr } from '@multiformats/multiaddr'

/** A first book of members to start from. */
export const startFrom = (addresses: Multiaddr[]): unknown => {
  const book = createRememberedPeers()
  const byPeer = Map.groupBy(
    addresses,
    (address) => address.getComponents().findLast((part) => part.name === 'p2p')?.value ?? ''
  )
  for (const [peerId, known] of byPeer) {
    if (peerId !== '') book.admitted(peerId, known)
  }
  return book.toJSON()
}
