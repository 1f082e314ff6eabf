import { mdns, type MulticastDNSComponents } from '@libp2p/mdns'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { NetworkId } from '@agent-mesh/wire'
import { isStartable, type PeerId, type PeerInfo } from '@libp2p/interface'

/** Somebody on the local network who says that it is a member; nothing of it is proven. */
type OnLanPeer = (peer: PeerId, addresses: Multiaddr[]) => void

/** Members of one network that find each other by multicast DNS (RFC 6762). */
export interface Lan {
  /** @returns the way to hear no more */
  onPeer: (listener: OnLanPeer) => () => void
}

/** From one question to the next: the stock ten seconds would be the loudest thing that an idle node does. */
const askEveryMs = 60_000

/** Whether nobody on another machine can dial what listens here. */
export const isLoopbackOnly = (listen: readonly string[]): boolean =>
  listen.every((text) => {
    const host = multiaddr(text).getComponents()[0]?.value ?? ''
    return host === '::1' || host.startsWith('127.')
  })

/**
 * As a libp2p service, `services: { lan: lan(networkId) }`. The questions carry the network, so that others neither answer
 * nor are asked. It is no peer discovery of libp2p, which would store whatever a stranger says.
 */
export const lan =
  (networkId: NetworkId) =>
  (parts: MulticastDNSComponents): Lan & { start: () => Promise<void>; stop: () => Promise<void> } => {
    const service = mdns({ serviceTag: `_mesh-${networkId}._udp.local`, interval: askEveryMs })(parts)
    return {
      start: async () => {
        if (isStartable(service)) await service.start()
      },
      stop: async () => {
        if (isStartable(service)) await service.stop()
      },
      onPeer: (listener) => {
        const onEvent = ({ detail }: CustomEvent<PeerInfo>): void => listener(detail.id, detail.multiaddrs)
        service.addEventListener('peer', onEvent)
        return () => service.removeEventListener('peer', onEvent)
      }
    }
  }
