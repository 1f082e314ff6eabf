import { isIP } from 'node:net'
import { multiaddr, registry, type Multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '@libp2p/interface'

/** Host and port as text and number, as sockets have them. */
export interface Endpoint {
  host: string
  port: number
}

/** Of the range for private use in the table of multicodecs. */
const code = 0x30_00_70
const name = 'punched'

/*
 * The address of a punched connection ends in `/punched`: no transport dials it, for the mapping that it names admits
 * nobody else, and nobody takes it for an address that its peer listens on.
 */
registry.addProtocol({ code, name, size: 0 })

const ipName = (host: string): string => (isIP(host) === 6 ? 'ip6' : 'ip4')

export const punchedAddress = ({ host, port }: Endpoint, peer?: PeerId): Multiaddr => {
  const address = multiaddr(`/${ipName(host)}/${host}/tcp/${port}/${name}`)
  return peer === undefined ? address : address.encapsulate(`/p2p/${peer.toString()}`)
}

export const isPunched = (address: Multiaddr): boolean => address.getComponents().some((part) => part.code === code)

const isHost = (component: string | undefined): boolean => component === 'ip4' || component === 'ip6'

/** Where the packets to an address go first: the relay, where there is one; undefined where that is not IP and TCP. */
export const endpointOf = (address: Multiaddr): Endpoint | undefined => {
  const [host, tcp, next] = address.getComponents()
  if (!isHost(host?.name) || host?.value === undefined || tcp?.name !== 'tcp' || tcp.value === undefined)
    return undefined
  return next === undefined || next.name === 'p2p' ? { host: host.value, port: Number(tcp.value) } : undefined
}
