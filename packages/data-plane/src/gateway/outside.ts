import { lookup } from 'node:dns/promises'
import { BlockList, isIP, isIPv6 } from 'node:net'
import { limits, MeshError, quote } from '@agent-mesh/wire'
import { connectUpstream } from '../upstream/connect.ts'
import type { Socket } from 'node:net'

/** Names outside the mesh that a proxy lets through: `example.com`, `*.example.com`, `*`, each with an optional port. */
export interface OutsidePattern {
  /** In lower case; `*.` in front stands for any name below. */
  host: string
  port?: number
}

const patternText = /^(\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/

/** @throws MeshError USAGE */
export const parseOutsidePattern = (text: string): OutsidePattern => {
  const [, host, portText] = patternText.exec(text.toLowerCase()) ?? []
  const port = portText === undefined ? undefined : Number(portText)
  if (host === undefined || (port !== undefined && (port < 1 || port > 65_535))) {
    throw new MeshError('USAGE', `${quote(text, 253)} is no pattern of names.`, {
      hint: 'Examples: example.com, *.example.com, example.com:443'
    })
  }
  return { host: host.replace(/^\[(.*)\]$/, '$1'), ...(port === undefined ? {} : { port }) }
}

const matches = (host: string, pattern: string): boolean =>
  pattern === '*' ||
  pattern === host ||
  (pattern.startsWith('*.') && isIP(host) === 0 && host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1)

export const isOutsideAllowed = (host: string, port: number, patterns: readonly OutsidePattern[]): boolean => {
  const plain = host.toLowerCase().replace(/\.$/, '')
  return patterns.some((one) => (one.port === undefined || one.port === port) && matches(plain, one.host))
}

/**
 * What no proxy of a node connects to, whatever was allowed: this machine, its link (where clouds keep the metadata of a
 * machine, with its credentials), and what is no single host. IANA special-purpose registries.
 */
const prohibited = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['100.100.100.200', 32],
  ['192.0.0.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4]
] as const)
  prohibited.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of [
  // this machine, nobody, and the old way to write an IPv4 address
  ['::', 96],
  ['64:ff9b::', 96],
  ['fd00:ec2::', 32],
  ['fe80::', 10],
  ['ff00::', 8]
] as const)
  prohibited.addSubnet(network, prefix, 'ipv6')

/** Whether an address is one that no proxy connects to. IPv4 inside IPv6 counts as IPv4. */
const isProhibitedAddress = (address: string): boolean => prohibited.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')

const addressesOf = async (host: string): Promise<string[]> => {
  if (isIP(host) !== 0) return [host]
  const plain = host.toLowerCase().replace(/\.$/, '')
  if (plain === 'localhost' || plain.endsWith('.localhost')) return ['127.0.0.1']
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address)
  } catch (cause) {
    throw new MeshError('NAME_UNKNOWN', `${quote(host, 253)} has no address.`, { cause, hint: 'Check its spelling.' })
  }
}

/**
 * Connects to a host outside the mesh, by the very address that was checked.
 * @throws MeshError NAME_UNKNOWN, ADDRESS_PROHIBITED, UPSTREAM_REFUSED, UPSTREAM_TIMEOUT, UPSTREAM_UNREACHABLE, CANCELLED
 */
export const connectOutside = async (host: string, port: number, signal: AbortSignal): Promise<Socket> => {
  const addresses = await addressesOf(host)
  const bad = addresses.find(isProhibitedAddress)
  if (bad !== undefined || addresses[0] === undefined)
    throw new MeshError(
      'ADDRESS_PROHIBITED',
      `${quote(host, 253)} is at ${bad ?? 'no address'}, where no proxy connects to.`
    )
  return connectUpstream(
    { type: 'tcp', host: addresses[0], port },
    { signal, timeoutMs: limits.upstreamConnectTimeoutMs }
  )
}
