import { BlockList, isIP } from 'node:net'
import { limits, MeshError } from '@agent-mesh/wire'
import type { Endpoint } from './address.ts'

/**
 * What a NAT does with one local port: `same` address for every destination, another one `per-destination`, or
 * `unknown` where only one member was asked.
 */
export type Mapping = 'unknown' | 'same' | 'per-destination'

/** Where a side of a punch is seen. */
export interface Seen {
  at: Endpoint
  mapping: Mapping
}

const areSame = (a: Endpoint, b: Endpoint): boolean => a.host === b.host && a.port === b.port

/**
 * Judges by what members say of one port.
 * @returns undefined where nobody said anything
 */
export const judge = ([first, ...others]: readonly Endpoint[]): Seen | undefined => {
  if (first === undefined) return undefined
  if (others.length === 0) return { at: first, mapping: 'unknown' }
  return { at: first, mapping: others.every((one) => areSame(one, first)) ? 'same' : 'per-destination' }
}

const familyOf = (host: string): 'ipv4' | 'ipv6' => (isIP(host) === 6 ? 'ipv6' : 'ipv4')

/** Where nobody can be who is behind a NAT. */
const nowhere = new BlockList()
nowhere.addSubnet('0.0.0.0', 8, 'ipv4')
nowhere.addSubnet('224.0.0.0', 3, 'ipv4')
nowhere.addSubnet('169.254.0.0', 16, 'ipv4')
nowhere.addAddress('::', 'ipv6')
nowhere.addSubnet('ff00::', 8, 'ipv6')
nowhere.addSubnet('fe80::', 10, 'ipv6')

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** RFC 4787 and RFC 5382: NATs map ports from here on to such ports, and below it are the services of others. */
const leastPort = 1024

const failed = (why: string): MeshError => new MeshError('PUNCH_FAILED', why)

/**
 * Checks where the other side says that it is seen: this node is about to send packets there.
 * @throws MeshError PUNCH_FAILED
 */
export const checkSeen = (theirs: Seen, own: Seen): void => {
  const { host, port } = theirs.at
  const family = familyOf(host)
  const isLocal = loopback.check(host, family)
  if (
    isIP(host) === 0 ||
    nowhere.check(host, family) ||
    (isLocal && !loopback.check(own.at.host, familyOf(own.at.host)))
  )
    throw failed(`The other side gave ${JSON.stringify(host.slice(0, 64))}, which is no address to punch to.`)
  if (!Number.isInteger(port) || port < leastPort || port > 65_535)
    throw failed(`The other side gave port ${port}, which no NAT maps to.`)
  if (family !== familyOf(own.at.host)) throw failed(`One side is seen at ${own.at.host}, the other one at ${host}.`)
  if (theirs.mapping === 'per-destination' && own.mapping === 'per-destination')
    throw failed(
      'The NATs of both sides take another port for each destination, so neither can know the port of the other.'
    )
}

/** Both sides ask at the same time: the request of the one with the larger peer id stands. */
export const standsFirst = (self: string, peer: string): boolean => self > peer

/** What a side that is asked for a punch is doing already. */
export interface Busy {
  self: string
  peer: string
  /** It asks the same of the peer. */
  isAsking: boolean
  /** Peers whose punches it takes part in. */
  theirs: ReadonlySet<string>
}

/** Whether a side takes part in a punch that it is asked for; `crossing` where its own request stands instead. */
export const takesPart = ({ self, peer, isAsking, theirs }: Busy): 'yes' | 'crossing' | 'busy' => {
  if (isAsking && standsFirst(self, peer)) return 'crossing'
  return theirs.has(peer) || theirs.size >= limits.punchesInProgress ? 'busy' : 'yes'
}

/** What the round trip takes that the answer did not wait for, in milliseconds. */
export const roundTripMs = (elapsedMs: number, tookMs: number): number => Math.max(0, elapsedMs - tookMs)

/** How long the side that said `start` waits until the other one has read it. */
export const startDelayMs = (rttMs: number): number => rttMs / 2
