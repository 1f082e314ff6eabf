import { randomBytes } from 'node:crypto'
import { assert, boolean, integer, ipV4, ipV6, oneof, property, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { judgeMapping, judgeMappings } from '../../src/underlay/nat-mapping.ts'
import { encodeStunAnswer, encodeStunRequest, readStun, stunIdBytes } from '../../src/underlay/stun-message.ts'
import { StunResponder } from '../../src/underlay/stun-responder.ts'

const id = (): Uint8Array => randomBytes(stunIdBytes)
const responder = ({ isMember = false, now = (): number => 0 } = {}): StunResponder =>
  new StunResponder({ isMemberHost: () => isMember, now })
const from = { host: '198.51.100.7', port: 40_001 }
/** A binding request without attributes, as stock clients send it. */
const bare = (): Uint8Array => Uint8Array.of(0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...id())

const padded = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  bytes.set(bare())
  const view = new DataView(bytes.buffer)
  view.setUint16(2, length - 20)
  view.setUint16(20, 0x8022)
  view.setUint16(22, length - 24)
  return bytes
}

const seen = (host: string, port: number) => ({ host, port })

describe('STUN', () => {
  it('reads the answers of RFC 5769, sections 2.2 and 2.3, without their signatures', () => {
    const known = Uint8Array.from(Buffer.from('b7e7a701bc34d686fa87dfae', 'hex'))
    const v4 = Buffer.from('0101000c2112a442b7e7a701bc34d686fa87dfae002000080001a147e112a643', 'hex')
    expect(readStun(v4)).toEqual({ kind: 'answer', id: known, mapped: { host: '192.0.2.1', port: 32_853 } })
    expect(Buffer.from(encodeStunAnswer(known, { host: '192.0.2.1', port: 32_853 }))).toEqual(v4)
    const v6 = Buffer.from(
      '010100182112a442b7e7a701bc34d686fa87dfae002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9',
      'hex'
    )
    const mapped = { host: '2001:db8:1234:5678:11:2233:4455:6677', port: 32_853 }
    expect(readStun(v6)).toEqual({ kind: 'answer', id: known, mapped })
    expect(Buffer.from(encodeStunAnswer(known, mapped))).toEqual(v6)
  })

  it('tells every address as it is', () => {
    assert(
      property(
        oneof(ipV4(), ipV6()),
        integer({ min: 1, max: 65_535 }),
        uint8Array({ minLength: stunIdBytes, maxLength: stunIdBytes }),
        (host, port, key) => {
          const canonical = host.includes(':') ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host
          expect(readStun(encodeStunAnswer(key, { host, port }))).toEqual({
            kind: 'answer',
            id: key,
            mapped: { host: canonical, port }
          })
        }
      )
    )
  })

  it('survives every datagram, and answers none with more than it brought', () => {
    const one = responder()
    assert(
      property(uint8Array({ maxLength: 600 }), boolean(), (bytes, isHeaded) => {
        if (isHeaded) bytes.set(bare().subarray(0, Math.min(20, bytes.length)))
        expect(one.answer(bytes, from)?.length ?? 0).toBeLessThanOrEqual(bytes.length)
      })
    )
  })

  it('answers a stranger with no more than it sent, and a member whatever it asked with', () => {
    expect(responder().answer(bare(), from)).toBeUndefined()
    expect(responder({ isMember: true }).answer(bare(), from)).toHaveLength(32)
    for (const host of [from.host, '2001:db8::1'])
      expect(responder().answer(encodeStunRequest(id()), { ...from, host })?.length).toBeLessThanOrEqual(
        limits.stunRequestBytes
      )
  })

  it('answers one host so often and no more, and others beside it', () => {
    let nowMs = 0
    const one = responder({ now: () => nowMs })
    const ask = (host: string): boolean => one.answer(encodeStunRequest(id()), { host, port: 1 }) !== undefined
    for (let count = 0; count < limits.stunPerHostAtOnce; count++) expect(ask('192.0.2.1')).toBe(true)
    expect(ask('192.0.2.1')).toBe(false)
    expect(ask('192.0.2.2')).toBe(true)
    nowMs = 1_000
    for (let count = 0; count < limits.stunPerHostPerSecond; count++) expect(ask('192.0.2.1')).toBe(true)
    expect(ask('192.0.2.1')).toBe(false)
    expect(one.counts.refused).toBe(2)
  })

  it('answers all hosts together so often and no more', () => {
    const one = responder()
    const answers = Array.from({ length: limits.stunPerSecond + 1 }, (_, at) =>
      one.answer(encodeStunRequest(id()), { host: `10.0.${at >> 8}.${at & 0xff}`, port: 1 })
    )
    expect(answers.filter((answer) => answer !== undefined)).toHaveLength(limits.stunPerSecond)
    expect(answers.at(-1)).toBeUndefined()
  })

  it('reads no message that is one word too long', () => {
    expect(readStun(padded(limits.stunMessageBytes))).toMatchObject({ kind: 'request' })
    expect(readStun(padded(limits.stunMessageBytes + 4))).toBeUndefined()
  })

  it('leaves a request without an answer that asks for what it does not do', () => {
    const request = encodeStunRequest(id())
    new DataView(request.buffer).setUint16(20, 0x0003) // CHANGE-REQUEST: an answer from another address
    expect(responder().answer(request, from)).toBeUndefined()
  })
})

describe('the kind of NAT', () => {
  const [a, b] = [
    { host: '203.0.113.1', port: 1 },
    { host: '203.0.113.2', port: 1 }
  ]
  it('is told by what different hosts see', () => {
    const own = ['192.168.1.2']
    expect(judgeMapping([], own, 5_000)).toBe('unknown')
    expect(judgeMapping([{ server: a, mapped: seen('192.168.1.2', 5_000) }], own, 5_000)).toBe('none')
    expect(judgeMapping([{ server: a, mapped: seen('198.51.100.9', 5_000) }], own, 5_000)).toBe('unknown')
    const same = [a, b].map((server) => ({ server, mapped: seen('198.51.100.9', 6_000) }))
    expect(judgeMapping(same, own, 5_000)).toBe('endpoint-independent')
    const other = [
      { server: a, mapped: seen('198.51.100.9', 6_000) },
      { server: b, mapped: seen('198.51.100.9', 6_001) }
    ]
    expect(judgeMapping(other, own, 5_000)).toBe('address-dependent')
    const inside = { server: b, mapped: seen('192.168.1.2', 5_000) }
    expect(judgeMapping([inside, ...same], own, 5_000)).toBe('endpoint-independent')
  })
})

it('goes by the answers over IPv6 where those over IPv4 tell nothing', () => {
  const server = { host: '2001:db8::9', port: 4_001 }
  const over6 = { localPort: 5_000, sightings: [{ server, mapped: { host: '2001:db8::1', port: 5_000 } }] }
  const over4 = {
    localPort: 6_000,
    sightings: [{ server: { host: '192.0.2.9', port: 4_001 }, mapped: { host: '192.168.1.2', port: 6_000 } }]
  }
  const own = ['192.168.1.2', '2001:db8::1']
  expect(judgeMappings([{ localPort: 0, sightings: [] }, over6], own)).toBe('none')
  expect(judgeMappings([over4, { localPort: 0, sightings: [] }], own)).toBe('none')
  expect(judgeMappings([{ localPort: 0, sightings: [] }], own)).toBe('unknown')
})
