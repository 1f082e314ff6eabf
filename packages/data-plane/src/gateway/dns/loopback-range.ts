import { isIPv4 } from 'node:net'
import { MeshError, quote } from '@agent-mesh/wire'

/** Addresses of the loopback network that may be given to names. */
export interface LoopbackRange {
  text: string
  /** The first address, as a number; the network's own is not among them. */
  first: number
  count: number
}

export const defaultLoopbackRange = '127.77.0.0/16'

const fail = (text: string, why: string): never => {
  throw new MeshError('ADDRESS_INVALID', `${quote(text)} is no range for the addresses of names: ${why}.`, {
    hint: `Example: ${defaultLoopbackRange}`
  })
}

const toNumber = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)

const toText = (address: number): string => [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.')

/**
 * Parses `127.77.0.0/16`. Below 127.1.0.0 programs of the machine have addresses of their own.
 * @throws MeshError ADDRESS_INVALID
 */
export const parseLoopbackRange = (text: string): LoopbackRange => {
  const [, address = '', bits = ''] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? fail(text, 'it is not <address>/<bits>')
  const length = Number(bits)
  if (!isIPv4(address) || !address.startsWith('127.')) fail(text, 'it is not within 127.0.0.0/8')
  if (length < 9 || length > 30) fail(text, 'it has from 9 to 30 bits')
  const size = 2 ** (32 - length)
  const network = toNumber(address)
  if (network % size !== 0) fail(text, `the network of these bits is ${toText(network - (network % size))}/${length}`)
  if (network < toNumber('127.1.0.0')) fail(text, 'addresses below 127.1.0.0 are in use by other programs')
  return { text, first: network + 1, count: size - 2 }
}

/** @param index - from 0 up to, and without, the count of the range */
export const addressAt = (range: LoopbackRange, index: number): string => toText(range.first + index)
