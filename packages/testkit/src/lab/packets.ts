/** One frame of Ethernet, read as far as who sends what to whom. */
export interface Packet {
  /** Milliseconds since 1970. */
  atMs: number
  kind: 'tcp' | 'udp' | 'icmp' | 'igmp' | 'icmp6' | 'arp' | 'ip' | 'ip6' | 'other'
  /** Address of IP, or of who asks by ARP. */
  source: string
  /** Address of IP, or the one that ARP looks for. */
  destination: string
  sourcePort?: number
  destinationPort?: number
  /** All of the frame. */
  frame: Buffer
}

const pcapHeaderBytes = 24
const frameHeaderBytes = 16
const etherBytes = 14
const etherTypes = { ip: 0x0800, arp: 0x0806, ip6: 0x86dd } as const

const protocols: Readonly<Record<number, Packet['kind']>> = { 1: 'icmp', 2: 'igmp', 6: 'tcp', 17: 'udp', 58: 'icmp6' }

const ip4 = (bytes: Buffer): string => [...bytes].join('.')
const ip6 = (bytes: Buffer): string => (bytes.toString('hex').match(/.{4}/g) ?? []).join(':')

/** Reports of multicast groups stand behind options of this kind (RFC 3810). */
const skipHopOptions = (next: number, payload: Buffer): [protocol: number, payload: Buffer] =>
  next === 0 && payload.length >= 8 ? [payload[0] ?? 0, payload.subarray(8 + 8 * (payload[1] ?? 0))] : [next, payload]

const portsOf = (kind: Packet['kind'], payload: Buffer): Pick<Packet, 'sourcePort' | 'destinationPort'> =>
  (kind === 'tcp' || kind === 'udp') && payload.length >= 4
    ? { sourcePort: payload.readUInt16BE(0), destinationPort: payload.readUInt16BE(2) }
    : {}

const readFrame = (frame: Buffer): Omit<Packet, 'atMs' | 'frame'> => {
  const nothing = { kind: 'other', source: '', destination: '' } as const
  if (frame.length < etherBytes) return nothing
  const body = frame.subarray(etherBytes)
  const type = frame.readUInt16BE(12)
  if (type === etherTypes.arp && body.length >= 28)
    return { kind: 'arp', source: ip4(body.subarray(14, 18)), destination: ip4(body.subarray(24, 28)) }
  if (type === etherTypes.ip && body.length >= 20) {
    const kind = protocols[body[9] ?? 0] ?? 'ip'
    const ends = { source: ip4(body.subarray(12, 16)), destination: ip4(body.subarray(16, 20)) }
    // Later fragments begin with payload.
    const isFirst = (body.readUInt16BE(6) & 0x1fff) === 0
    return { kind, ...ends, ...(isFirst ? portsOf(kind, body.subarray(((body[0] ?? 0) & 15) * 4)) : {}) }
  }
  if (type === etherTypes.ip6 && body.length >= 40) {
    const ends = { source: ip6(body.subarray(8, 24)), destination: ip6(body.subarray(24, 40)) }
    const [protocol, payload] = skipHopOptions(body[6] ?? 0, body.subarray(40))
    const kind = protocols[protocol] ?? 'ip6'
    return { kind, ...ends, ...portsOf(kind, payload) }
  }
  return nothing
}

/** Reads a pcap file of Ethernet in little-endian order. */
export const readPackets = (file: Buffer): Packet[] => {
  const packets: Packet[] = []
  for (let at = pcapHeaderBytes; at + frameHeaderBytes <= file.length;) {
    const atMs = file.readUInt32LE(at) * 1_000 + file.readUInt32LE(at + 4) / 1_000
    const begin = at + frameHeaderBytes
    at = begin + file.readUInt32LE(at + 8)
    const frame = file.subarray(begin, at)
    packets.push({ atMs, ...readFrame(frame), frame })
  }
  return packets
}
