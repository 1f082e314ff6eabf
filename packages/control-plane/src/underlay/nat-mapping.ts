import type { Endpoint } from './stun-message.ts'

/**
 * How the way out rewrites the address of a socket (RFC 4787, section 4.1). `none`: not at all. `endpoint-independent`: to
 * the same one whoever is spoken to, so that punching works. `address-dependent`: to another one for every peer
 * (symmetric), so that a peer behind another strict NAT can be reached through a relay alone. `unknown`: fewer than two
 * different hosts have answered.
 */
export type NatMapping = 'none' | 'endpoint-independent' | 'address-dependent' | 'unknown'

/** What one server said. */
export interface Sighting {
  server: Endpoint
  mapped: Endpoint
}

/**
 * @param own - addresses of this machine
 * @param localPort - of the socket that asked
 */
export const judgeMapping = (all: Sighting[], own: string[], localPort: number): NatMapping => {
  // A server that sees an own address, where others see another one, is on this side of the gateway and knows nothing of it.
  const outside = all.filter(({ mapped }) => !own.includes(mapped.host))
  const sightings = outside.length === 0 ? all : outside
  const [first] = sightings
  if (first === undefined) return 'unknown'
  if (sightings.every(({ mapped }) => own.includes(mapped.host) && mapped.port === localPort)) return 'none'
  const isSame = sightings.every(({ mapped }) => mapped.host === first.mapped.host && mapped.port === first.mapped.port)
  if (!isSame) return 'address-dependent'
  // Two ports of one host do not tell the two kinds apart.
  return new Set(sightings.map(({ server }) => server.host)).size < 2 ? 'unknown' : 'endpoint-independent'
}

/** What one socket was told. */
export interface Sightings {
  sightings: Sighting[]
  localPort: number
}

/** Of several sockets, one for each family of addresses: what the first one tells that tells anything. */
export const judgeMappings = (sockets: Sightings[], own: string[]): NatMapping =>
  sockets
    .map(({ sightings, localPort }) => judgeMapping(sightings, own, localPort))
    .find((mapping) => mapping !== 'unknown') ?? 'unknown'
