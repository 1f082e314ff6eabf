import { describe, expect, it } from 'vitest'
import { proxyHeader } from '../src/upstream/proxy-protocol.ts'

const caller = { peerId: '12D3KooWCaller', name: 'alice', groups: ['ops', 'ci'] }

/** Reads a header as its recipient does. */
const read = (bytes: Buffer): { family: number; address: Buffer; entries: Map<number, string> } => {
  expect(bytes.subarray(0, 12).toString('latin1')).toBe('\r\n\r\n\0\r\nQUIT\n')
  expect(bytes[12]).toBe(0x21)
  expect(bytes.readUInt16BE(14)).toBe(bytes.length - 16)
  const family = bytes[13] ?? 0
  const addressBytes = { 0x00: 0, 0x11: 12, 0x21: 36 }[family] ?? 0
  const entries = new Map<number, string>()
  for (let at = 16 + addressBytes; at < bytes.length; at += 3 + bytes.readUInt16BE(at + 1))
    entries.set(bytes[at] ?? 0, bytes.subarray(at + 3, at + 3 + bytes.readUInt16BE(at + 1)).toString())
  return { family, address: bytes.subarray(16, 16 + addressBytes), entries }
}

describe('the header of the PROXY protocol', () => {
  it('says who calls where nothing is known of addresses', () => {
    const { family, entries } = read(proxyHeader(caller))
    expect(family).toBe(0)
    expect([...entries]).toEqual([
      [0xe0, '12D3KooWCaller'],
      [0xe1, 'alice'],
      [0xe2, 'ops,ci']
    ])
  })

  it('says where the caller is, over IPv4', () => {
    const { family, address } = read(
      proxyHeader(caller, {
        source: { host: '192.0.2.7', port: 40_001 },
        destination: { host: '127.0.0.1', port: 5432 }
      })
    )
    expect(family).toBe(0x11)
    expect([...address]).toEqual([192, 0, 2, 7, 127, 0, 0, 1, 0x9c, 0x41, 0x15, 0x38])
  })

  it.each([
    ['::1', '00000000000000000000000000000001'],
    ['2001:db8::8:800:200c:417a', '20010db80000000000080800200c417a'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001'],
    ['::ffff:192.0.2.7', '00000000000000000000ffffc0000207'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008']
  ])('says where the caller is, over IPv6: %s', (host, hex) => {
    const { family, address } = read(
      proxyHeader(caller, { source: { host, port: 1 }, destination: { host: '::1', port: 2 } })
    )
    expect(family).toBe(0x21)
    expect(address.toString('hex')).toBe(`${hex}0000000000000000000000000000000100010002`)
  })

  it('says nothing of addresses of two families', () => {
    const { family } = read(
      proxyHeader(caller, { source: { host: '::1', port: 1 }, destination: { host: '127.0.0.1', port: 2 } })
    )
    expect(family).toBe(0)
  })
})
