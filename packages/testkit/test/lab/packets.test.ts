import { expect, test } from 'vitest'
import { readPackets } from '../../src/lab/packets.ts'

const pcap = (...frames: Buffer[]): Buffer =>
  Buffer.concat([
    Buffer.alloc(24),
    ...frames.flatMap((frame) => {
      const header = Buffer.alloc(16)
      header.writeUInt32LE(7, 0)
      header.writeUInt32LE(500_000, 4)
      header.writeUInt32LE(frame.length, 8)
      return [header, frame]
    })
  ])

const ethernet = (type: number, ...body: number[]): Buffer =>
  Buffer.from([...Array<number>(12).fill(2), type >> 8, type & 255, ...body])

const ends = [5, 5, 5, 1, 9, 9, 9, 9]
const first = (fragment: number, protocol: number): number[] => [0x45, 0, 0, 0, 0, 0, 0, fragment, 64, protocol, 0, 0]

const ipv4 = (protocol: number, fragment: number, ...payload: number[]): number[] => [
  ...first(fragment, protocol),
  ...ends,
  ...payload
]

test('who sends what to whom is read from a frame', () => {
  const [packet] = readPackets(pcap(ethernet(0x0800, ...ipv4(17, 0, 0x13, 0x88, 0, 53, 0, 8, 0, 0, 1, 2, 3))))
  expect(packet).toMatchObject({
    kind: 'udp',
    source: '5.5.5.1',
    destination: '9.9.9.9',
    sourcePort: 5_000,
    destinationPort: 53,
    atMs: 7_500
  })
  expect(packet?.frame.includes(Buffer.from([1, 2, 3]))).toBe(true)
})

test('a later fragment has no ports', () => {
  const [packet] = readPackets(pcap(ethernet(0x0800, ...ipv4(17, 9, 0x13, 0x88, 0, 53, 0, 8, 0, 0))))
  expect(packet).toMatchObject({ kind: 'udp' })
  expect(packet?.destinationPort).toBeUndefined()
})

test('ARP shows whom somebody looks for, and a frame that is cut off or of another kind is kept', () => {
  const arp = [
    [0, 1, 8, 0, 6, 4, 0, 1],
    [2, 2, 2, 2, 2, 2],
    [5, 5, 5, 1],
    [0, 0, 0, 0, 0, 0],
    [5, 5, 5, 9]
  ].flat()
  const packets = readPackets(pcap(ethernet(0x0806, ...arp), ethernet(0x0800, 0x45), Buffer.alloc(3)))
  expect(packets.map(({ kind, source, destination }) => [kind, source, destination])).toEqual([
    ['arp', '5.5.5.1', '5.5.5.9'],
    ['other', '', ''],
    ['other', '', '']
  ])
})

test('IPv6 is read too', () => {
  const prefix = [0xfe, 0x80, ...Array<number>(13).fill(0)]
  const header = [0x60, 0, 0, 0, 0, 8, 17, 255, ...prefix, 1, ...prefix, 2]
  const [packet] = readPackets(pcap(ethernet(0x86dd, ...header, 0x14, 0xe9, 0x14, 0xe9, 0, 8, 0, 0)))
  expect(packet).toMatchObject({
    kind: 'udp',
    source: 'fe80:0000:0000:0000:0000:0000:0000:0001',
    destinationPort: 5_353
  })
})

test('options of IPv6 hide neither what stands behind them nor a frame that ends in them', () => {
  const address = [0xfe, 0x80, ...Array<number>(14).fill(0)]
  const header = [0x60, 0, 0, 0, 0, 36, 0, 1, ...address, ...address]
  const report = [58, 0, 5, 2, 0, 0, 1, 0, 143, 0]
  const packets = readPackets(pcap(ethernet(0x86dd, ...header, ...report), ethernet(0x86dd, ...header, 58)))
  expect(packets.map(({ kind }) => kind)).toEqual(['icmp6', 'ip6'])
})
