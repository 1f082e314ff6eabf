import { decode, type DecodedPacket } from 'dns-packet'

const rcodes = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']

/** An answer as another implementation reads it, with the name of its code. */
export type Heard = DecodedPacket & { rcode: string }

export const decoded = (bytes: Buffer): Heard => ({
  ...decode(bytes),
  rcode: rcodes[bytes.readUInt8(3) & 0x0f] ?? 'unknown'
})
