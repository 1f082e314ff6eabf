import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { getNetConfig, isLinkLocal, isLoopback, isPrivate } from '@libp2p/utils'
import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** How a peer is reached. */
export type PathClass = 'local' | 'direct' | 'punched' | 'webrtc' | 'relayed'

/** Networks that this machine has an interface in. */
export type LocalNetworks = BlockList

const familyOf = (host: string): 'ipv4' | 'ipv6' => (isIP(host) === 6 ? 'ipv6' : 'ipv4')

export const readLocalNetworks = (interfaces = networkInterfaces()): LocalNetworks => {
  const networks = new BlockList()
  for (const { cidr } of Object.values(interfaces).flatMap((list) => list ?? [])) {
    const [host, prefix] = cidr?.split('/') ?? []
    if (host !== undefined && prefix !== undefined) networks.addSubnet(host, Number(prefix), familyOf(host))
  }
  return networks
}

/** A laptop changes its networks; every lookup and every list of peers asks for them. */
const knownMs = 1_000
let known: { readMs: number; text: string; networks: LocalNetworks } | undefined

/** Those of this machine, not older than a second; the same object as long as they are the same. */
export const localNetworks = (): LocalNetworks => {
  const nowMs = performance.now()
  if (known === undefined || nowMs - known.readMs > knownMs) {
    const interfaces = networkInterfaces()
    const text = Object.values(interfaces)
      .flatMap((list) => list?.map(({ cidr }) => cidr) ?? [])
      .join(' ')
    const networks = text === known?.text ? known.networks : readLocalNetworks(interfaces)
    known = { readMs: nowMs, text, networks }
  }
  return known.networks
}

const has = (address: Multiaddr, name: string): boolean =>
  address.getComponents().some((component) => component.name === name)

/** The part before the relay or the peer id is where the packets go first. */
export const isRelayed = (address: Multiaddr): boolean => has(address, 'p2p-circuit')

const isInLocalNetwork = (address: Multiaddr, networks: LocalNetworks): boolean => {
  if (isLoopback(address) || isLinkLocal(address)) return true
  if (!isPrivate(address)) return false
  const { host } = getNetConfig(address)
  return isIP(host) !== 0 && networks.check(host, familyOf(host))
}

type Way = Pick<Connection, 'remoteAddr' | 'limits'>

const classOf = ({ remoteAddr, limits }: Way, networks: LocalNetworks): PathClass => {
  // A WebRTC connection between two browsers or NATs is set up through a relay, but does not run through it.
  if (has(remoteAddr, 'webrtc') || has(remoteAddr, 'webrtc-direct')) return 'webrtc'
  if (limits !== undefined || isRelayed(remoteAddr)) return 'relayed'
  if (has(remoteAddr, 'punched')) return 'punched'
  return isInLocalNetwork(remoteAddr, networks) ? 'local' : 'direct'
}

/** Of each connection, as it was among these networks: every tunnel asks, and an address takes some reading. */
const classes = new WeakMap<Way, { networks: LocalNetworks; path: PathClass }>()

/**
 * `relayed` where another member passes the bytes on, `webrtc` by its transport, `punched` by its address, `local` on this machine or in a
 * private network it is part of, else `direct`.
 */
export const pathClassOf = (connection: Way, networks: LocalNetworks = localNetworks()): PathClass => {
  const before = classes.get(connection)
  if (before?.networks === networks) return before.path
  const path = classOf(connection, networks)
  classes.set(connection, { networks, path })
  return path
}

const order: PathClass[] = ['local', 'direct', 'punched', 'webrtc', 'relayed']

/** Below 0 where path `a` is better. */
export const comparePaths = (a: PathClass, b: PathClass): number => order.indexOf(a) - order.indexOf(b)

/**
 * Addresses in the order of their dials: own networks, public ones, this machine, foreign private ones, relays. The
 * loopback address of a record says nothing about where its author is, so it does not come first.
 */
export const sortForDial = (addresses: Multiaddr[], networks: LocalNetworks = localNetworks()): Multiaddr[] => {
  const place = (address: Multiaddr): number => {
    if (isRelayed(address)) return 4
    if (isLoopback(address)) return 2
    if (isInLocalNetwork(address, networks)) return 0
    return isPrivate(address) ? 3 : 1
  }
  return addresses.toSorted((a, b) => place(a) - place(b))
}
