import { isIP } from 'node:net'
import { limits } from '@agent-mesh/wire'

/** An address that UDP goes to or comes from. */
export interface Endpoint {
  host: string
  port: number
}

/** What the reader makes of a datagram; anything else is no STUN binding. */
export type StunMessage =
  | { kind: 'request'; id: Uint8Array; hasUnknown: boolean }
  | { kind: 'answer'; id: Uint8Array; mapped: Endpoint }

// RFC 8489, sections 5, 14 and 18
const cookie = 0x21_12_a4_42
const headerBytes = 20
const attributeHeaderBytes = 4
const types = { request: 0x0001, answer: 0x0101 } as const
const attributes = { xorMappedAddress: 0x0020, software: 0x8022 } as const
const families = { v4: 1, v6: 2 } as const
/** An attribute below this has to be understood by whoever answers. */
const firstOptional = 0x80_00

/** Bytes of a transaction id. */
export const stunIdBytes = 12

const header = (view: DataView, type: number, id: Uint8Array): void => {
  view.setUint16(0, type)
  view.setUint16(2, view.byteLength - headerBytes)
  view.setUint32(4, cookie)
  new Uint8Array(view.buffer).set(id, 8)
}

/**
 * A binding request. It is as long as the longest answer, so that a server which never sends more than it receives can
 * answer it: filled up by an attribute that every server may pass over.
 * @param id - twelve random bytes
 */
export const encodeStunRequest = (id: Uint8Array): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(limits.stunRequestBytes)
  const view = new DataView(bytes.buffer)
  header(view, types.request, id)
  view.setUint16(headerBytes, attributes.software)
  view.setUint16(headerBytes + 2, bytes.length - headerBytes - attributeHeaderBytes)
  bytes.fill(0x20, headerBytes + attributeHeaderBytes)
  return bytes
}

const v4Bytes = (host: string): number[] => host.split('.').map(Number)

const hexGroup = (high = '0', low = '0'): string => (Number(high) * 256 + Number(low)).toString(16)

const groupsOf = (part: string): string[] => part.split(':').filter((group) => group !== '')

const v6Bytes = (host: string): number[] => {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host)
  const text =
    dotted === null ? host : `${dotted[1]}${hexGroup(dotted[2], dotted[3])}:${hexGroup(dotted[4], dotted[5])}`
  const [before = '', after] = text.split('::')
  const tail = after === undefined ? [] : groupsOf(after)
  const head = groupsOf(before)
  return [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail].flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}

/** @param host - as the socket says it; a zone of IPv6 is left out */
const hostBytes = (host: string): number[] => {
  const [plain = ''] = host.split('%')
  return isIP(plain) === 6 ? v6Bytes(plain) : v4Bytes(plain)
}

/** Whether two texts are one address: there are several for each of IPv6. */
export const isSameHost = (one: string, other: string): boolean => hostBytes(one).join() === hostBytes(other).join()

const hostText = (bytes: Uint8Array): string => {
  if (bytes.length === 4) return bytes.join('.')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const groups = Array.from({ length: 8 }, (_, at) => view.getUint16(2 * at).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

/** Mixes an address with cookie and id, which keeps gateways from rewriting it; done twice it is the address again. */
const mixed = (address: ArrayLike<number>, id: Uint8Array): Uint8Array => {
  const key = [0x21, 0x12, 0xa4, 0x42, ...id]
  return Uint8Array.from(address, (byte, at) => byte ^ (key[at] ?? 0))
}

/** @param from - where the request came from, as the server sees it */
export const encodeStunAnswer = (id: Uint8Array, { host, port }: Endpoint): Uint8Array => {
  const address = mixed(hostBytes(host), id)
  const bytes = new Uint8Array(headerBytes + attributeHeaderBytes + 4 + address.length)
  const view = new DataView(bytes.buffer)
  header(view, types.answer, id)
  view.setUint16(headerBytes, attributes.xorMappedAddress)
  view.setUint16(headerBytes + 2, 4 + address.length)
  view.setUint8(headerBytes + 5, address.length === 4 ? families.v4 : families.v6)
  view.setUint16(headerBytes + 6, port ^ (cookie >>> 16))
  bytes.set(address, headerBytes + 8)
  return bytes
}

interface Attribute {
  type: number
  value: Uint8Array
}

const readAttributes = (bytes: Uint8Array): Attribute[] | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const found: Attribute[] = []
  for (let at = headerBytes; at < bytes.length;) {
    const length = view.getUint16(at + 2)
    const start = at + attributeHeaderBytes
    if (start + length > bytes.length) return undefined
    found.push({ type: view.getUint16(at), value: bytes.subarray(start, start + length) })
    at = start + 4 * Math.ceil(length / 4)
  }
  return found
}

const readMapped = (value: Uint8Array, id: Uint8Array): Endpoint | undefined => {
  const [, family] = value
  if (value.length !== (family === families.v4 ? 8 : 20) || (family !== families.v4 && family !== families.v6))
    return undefined
  const port = new DataView(value.buffer, value.byteOffset).getUint16(2) ^ (cookie >>> 16)
  return port === 0 ? undefined : { host: hostText(mixed(value.subarray(4), id)), port }
}

/** @returns undefined for everything that is not a well-formed binding request or the success answer to one */
export const readStun = (bytes: Uint8Array): StunMessage | undefined => {
  if (bytes.length < headerBytes || bytes.length > limits.stunMessageBytes || bytes.length % 4 !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.getUint32(4) !== cookie || view.getUint16(2) !== bytes.length - headerBytes) return undefined
  const id = new Uint8Array(bytes.subarray(8, headerBytes))
  const read = readAttributes(bytes)
  if (read === undefined) return undefined
  const type = view.getUint16(0)
  if (type === types.request) return { kind: 'request', id, hasUnknown: read.some((one) => one.type < firstOptional) }
  const mapped = read.find((one) => one.type === attributes.xorMappedAddress)
  const endpoint = type === types.answer && mapped !== undefined ? readMapped(mapped.value, id) : undefined
  return endpoint === undefined ? undefined : { kind: 'answer', id, mapped: endpoint }
}
