import { isLinkLocal, isLoopback, isPrivate } from '@libp2p/utils'
import { isRelayed, type Endpoint } from '@agent-mesh/control-plane'
import type { Multiaddr } from '@multiformats/multiaddr'

/** Host and port of an address that leads to a TCP port by IP address; of a circuit, nothing. */
export const tcpEndpointOf = (address: Multiaddr): Endpoint | undefined => {
  if (isRelayed(address)) return undefined
  const [ip, tcp] = address.getComponents().filter(({ name }) => name !== 'ip6zone')
  if ((ip?.name !== 'ip4' && ip?.name !== 'ip6') || tcp?.name !== 'tcp' || ip.value === undefined) return undefined
  return { host: ip.value, port: Number(tcp.value) }
}

/** Whether anybody on the internet may dial it, as far as an address tells. */
export const isPublic = (address: Multiaddr): boolean =>
  !isRelayed(address) && !isPrivate(address) && !isLoopback(address) && !isLinkLocal(address)

export const withoutPeerId = (address: Multiaddr): Multiaddr => {
  const peerId = address.getComponents().findLast((part) => part.name === 'p2p')?.value
  return peerId === undefined ? address : address.decapsulate(`/p2p/${peerId}`)
}
