import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { peerIdFromString } from '@libp2p/peer-id'

/** A relay of another libp2p network. */
export interface Carrier {
  peer: string
  /** With the peer id at its end. */
  address: Multiaddr
}

const hosts = new Set(['ip4', 'ip6', 'dns', 'dns4', 'dns6'])
const example = '/ip4/203.0.113.7/tcp/4001/p2p/<peer id>'

/** @throws Error whose message says what is wrong with the text */
export const parseCarrier = (text: string): Carrier => {
  const address = multiaddr(text)
  const [host, port, peer, ...more] = address.getComponents()
  if (more.some(({ name }) => name === 'p2p-circuit'))
    throw new Error(`"${text}" leads through a relay; a carrier is named by its own address, such as ${example}`)
  if (peer?.name !== 'p2p' || peer.value === undefined || more.length > 0 || port?.name !== 'tcp')
    throw new Error(`"${text}" is not the address of a relay over TCP with its peer id, such as ${example}`)
  if (host === undefined || !hosts.has(host.name))
    throw new Error(`"${text}" begins with no host, such as in ${example}`)
  peerIdFromString(peer.value)
  return { peer: peer.value, address }
}

/** The addresses of each, by its peer id, in their order. */
export const carriersOf = (texts: readonly string[]): ReadonlyMap<string, Multiaddr[]> => {
  const carriers = new Map<string, Multiaddr[]>()
  for (const { peer, address } of texts.map(parseCarrier)) carriers.set(peer, [...(carriers.get(peer) ?? []), address])
  return carriers
}
