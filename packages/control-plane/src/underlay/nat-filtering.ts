import type { NatMapping } from './nat-mapping.ts'
import type { Endpoint } from './stun-message.ts'

/**
 * From whom the way in takes datagrams to a socket that has sent to one server (RFC 4787, section 5).
 * `endpoint-independent`: from anybody. `address-dependent`: from every port of hosts that the socket has sent to.
 * `address-and-port-dependent`: from nobody else. `unknown`: that takes members on two hosts.
 */
export type NatFiltering = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent' | 'unknown'

/** What came to a socket that has sent to one server alone. */
export interface Probed {
  server: Endpoint
  /** How often another host has said that it sent a datagram, */
  fromOtherHost: number
  /** and the server that it sent one from another port. */
  fromOtherPort: number
  /** Where those that arrived came from. */
  heard: Endpoint[]
}

/** So often each is to have sent before silence means something: with a loss of 10 %, one in a thousand is judged wrongly. */
export const leastProbes = 3

/** What arrives is judged by where it comes from, not by who was asked for it. */
export const judgeFiltering = ({ server, fromOtherHost, fromOtherPort, heard }: Probed): NatFiltering => {
  const isServer = ({ host }: Endpoint): boolean => host === server.host
  if (heard.some((one) => !isServer(one))) return 'endpoint-independent'
  if (fromOtherHost < leastProbes) return 'unknown'
  if (heard.some((one) => isServer(one) && one.port !== server.port)) return 'address-dependent'
  return fromOtherPort < leastProbes ? 'unknown' : 'address-and-port-dependent'
}

/**
 * What people call it (RFC 3489, section 5). `open`: neither NAT nor firewall. `firewall`: addresses stay as they are, and not
 * everybody gets in. `symmetric`: another mapping for every peer, however it filters.
 */
export type NatKind =
  | 'open'
  | 'firewall'
  | 'full cone'
  | 'restricted cone'
  | 'port-restricted cone'
  | 'symmetric'
  | 'unknown'

const cones: Readonly<Record<NatFiltering, NatKind>> = {
  'endpoint-independent': 'full cone',
  'address-dependent': 'restricted cone',
  'address-and-port-dependent': 'port-restricted cone',
  unknown: 'unknown'
}

export const natKindOf = (mapping: NatMapping, filtering: NatFiltering): NatKind => {
  if (mapping === 'address-dependent') return 'symmetric'
  if (mapping === 'unknown' || filtering === 'unknown') return 'unknown'
  if (mapping === 'endpoint-independent') return cones[filtering]
  return filtering === 'endpoint-independent' ? 'open' : 'firewall'
}
