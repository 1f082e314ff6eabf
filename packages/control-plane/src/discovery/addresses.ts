import { isLoopback, isPrivate } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'

const isRelayed = (address: Multiaddr): boolean =>
  address.getComponents().some((component) => component.name === 'p2p-circuit')

/** Where an address stands among those that are told or tried: those that reach furthest first. */
const distance = (address: Multiaddr): number => {
  if (isRelayed(address)) return 2
  if (isLoopback(address)) return 3
  return isPrivate(address) ? 1 : 0
}

/** Each address once: public, private, relayed, loopback; otherwise in the given order. */
export const rankAddresses = (addresses: Multiaddr[]): Multiaddr[] => {
  const unique = new Map(addresses.map((address) => [address.toString(), address]))
  return [...unique.values()].toSorted((a, b) => distance(a) - distance(b))
}
