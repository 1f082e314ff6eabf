import { isIPv4, isIPv6 } from 'node:net'
import type { Caller } from './http/identity-fields.ts'

/** Version 2 of the PROXY protocol, §2.2: the same twelve bytes begin every header. */
const signature = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a])
const versionAndCommand = 0x21
/** The proxy speaks for itself, as its checks do. */
const versionAndLocal = 0x20
const families = { none: 0x00, ip4: 0x11, ip6: 0x21 } as const

/** Types of §2.2.8, for applications of one's own: 0xe0 to 0xef. */
const proxyTypes = { peerId: 0xe0, name: 0xe1, groups: 0xe2 } as const

/** One end of a TCP connection. */
export interface Endpoint {
  host: string
  port: number
}

const entry = (type: number, text: string): Buffer => {
  const value = Buffer.from(text)
  const head = Buffer.alloc(3)
  head.writeUInt8(type, 0)
  head.writeUInt16BE(value.length, 1)
  return Buffer.concat([head, value])
}

const ip4Bytes = (host: string): Buffer => Buffer.from(host.split('.').map(Number))

const groupsOf = (part: string): string[] => part.split(':').filter((group) => group !== '')

/** The sixteen bytes of an address in any of its written forms. */
const ip6Bytes = (host: string): Buffer => {
  const [plain = ''] = host.split('%')
  const tail = /[^:]+\.[^:]+$/.exec(plain)?.[0]
  const text = tail === undefined ? plain : plain.slice(0, -tail.length) + hexOf(ip4Bytes(tail))
  const [left = '', right] = text.split('::')
  const before = groupsOf(left)
  const after = groupsOf(right ?? '')
  const middle = Array.from({ length: 8 - before.length - after.length }, () => '0')
  const bytes = Buffer.alloc(16)
  for (const [index, group] of [...before, ...middle, ...after].entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * index)
  return bytes
}

const hexOf = (bytes: Buffer): string => `${bytes.toString('hex', 0, 2)}:${bytes.toString('hex', 2, 4)}`

const ports = (source: Endpoint, destination: Endpoint): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt16BE(source.port, 0)
  bytes.writeUInt16BE(destination.port, 2)
  return bytes
}

const addresses = (source?: Endpoint, destination?: Endpoint): { family: number; bytes: Buffer } => {
  if (source === undefined || destination === undefined) return { family: families.none, bytes: Buffer.alloc(0) }
  const hosts = [source.host, destination.host]
  if (hosts.every((host) => isIPv4(host)))
    return { family: families.ip4, bytes: Buffer.concat([...hosts.map(ip4Bytes), ports(source, destination)]) }
  if (hosts.every((host) => isIPv6(host)))
    return { family: families.ip6, bytes: Buffer.concat([...hosts.map(ip6Bytes), ports(source, destination)]) }
  return { family: families.none, bytes: Buffer.alloc(0) }
}

/** What a service that asks for the PROXY protocol reads on a connection behind which there is no caller. */
export const localHeader = (): Buffer => Buffer.concat([signature, Buffer.from([versionAndLocal, families.none, 0, 0])])

/**
 * What a service that asks for the PROXY protocol reads before the caller's first byte: where the caller's node is, as
 * far as it is known, and who it is, in entries of its own. Without addresses of one family there are none.
 */
export const proxyHeader = (
  { peerId, name, groups }: Caller,
  { source, destination }: { source?: Endpoint; destination?: Endpoint } = {}
): Buffer => {
  const { family, bytes } = addresses(source, destination)
  const payload = Buffer.concat([
    bytes,
    entry(proxyTypes.peerId, peerId),
    ...(name === undefined ? [] : [entry(proxyTypes.name, name)]),
    entry(proxyTypes.groups, groups.join(','))
  ])
  const head = Buffer.alloc(4)
  head.writeUInt8(versionAndCommand, 0)
  head.writeUInt8(family, 1)
  head.writeUInt16BE(payload.length, 2)
  return Buffer.concat([signature, head, payload])
}
