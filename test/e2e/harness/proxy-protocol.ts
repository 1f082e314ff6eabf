/** A header of the PROXY protocol, version 2, read by the letter of its specification (haproxy's proxy-protocol.txt, 2.2). */
export interface ProxyHeader {
  command: 'LOCAL' | 'PROXY'
  /** Absent for families without addresses. */
  source?: { host: string; port: number }
  destination?: { host: string; port: number }
  /** Type and value of each TLV, in order. */
  entries: Array<[number, string]>
  /** What came after it. */
  rest: Buffer
}

const signature = '0d0a0d0a000d0a515549540a'

const ip6 = (bytes: Buffer): string =>
  Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(2 * group).toString(16)).join(':')

const addressBytes: Readonly<Record<number, number>> = { 0x00: 0, 0x11: 12, 0x21: 36 }

/** Undefined while it is not all there. @throws Error where it is none */
export const readProxyHeader = (bytes: Buffer): ProxyHeader | undefined => {
  if (!signature.startsWith(bytes.subarray(0, 12).toString('hex')))
    throw new Error('it does not begin as a header does')
  if (bytes.length < 16) return undefined
  const [versionAndCommand, family] = [bytes.readUInt8(12), bytes.readUInt8(13)]
  if (versionAndCommand >> 4 !== 2) throw new Error(`version ${versionAndCommand >> 4}`)
  const command = ({ 0: 'LOCAL', 1: 'PROXY' } as const)[versionAndCommand & 0x0f]
  const addressLength = addressBytes[family]
  if (command === undefined || addressLength === undefined) throw new Error('an unknown command or family')
  const end = 16 + bytes.readUInt16BE(14)
  if (bytes.length < end) return undefined
  const entries: Array<[number, string]> = []
  let at = 16 + addressLength
  while (at < end) {
    const length = bytes.readUInt16BE(at + 1)
    if (at + 3 + length > end) throw new Error('an entry goes beyond the header')
    entries.push([bytes.readUInt8(at), bytes.toString('utf8', at + 3, at + 3 + length)])
    at += 3 + length
  }
  const rest = bytes.subarray(end)
  if (addressLength === 0) return { command, entries, rest }
  const width = addressLength === 12 ? 4 : 16
  const host = (from: number): string => {
    const raw = bytes.subarray(from, from + width)
    return width === 4 ? raw.join('.') : ip6(raw)
  }
  const ports = 16 + 2 * width
  return {
    command,
    source: { host: host(16), port: bytes.readUInt16BE(ports) },
    destination: { host: host(16 + width), port: bytes.readUInt16BE(ports + 2) },
    entries,
    rest
  }
}
