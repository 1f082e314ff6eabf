import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { base58btc } from 'multiformats/bases/base58'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { describe, expect, it } from 'vitest'
import { limits, Ticket } from '@agent-mesh/wire'
import { createInvite, decodeTicket, encodeTicket } from '@agent-mesh/identity'
import { dayMs, idOf, networkKey, nowMs, root } from './network-fixture.ts'

const invalid = expect.objectContaining({ name: 'MeshError', code: 'TICKET_INVALID', exitCode: 2 })
const expired = expect.objectContaining({ name: 'MeshError', code: 'TICKET_EXPIRED' })

const ticketOf = (fields: Partial<Ticket> = {}): Ticket => {
  const { id, secret, sealKey } = createInvite({ nowMs })
  return {
    networkKey: withArrayBuffer(publicKeyToProtobuf(networkKey)),
    issuer: idOf(root).toMultihash().bytes,
    addresses: [new Uint8Array(46).fill(4), new Uint8Array(50).fill(6)],
    inviteId: id,
    secret,
    sealKey,
    expiresMs: nowMs + dayMs,
    groups: ['ops'],
    uses: 1,
    ...fields
  }
}

const withAddress = (length: number): Ticket => ticketOf({ addresses: [new Uint8Array(length).fill(255)] })

describe('a ticket', () => {
  it('comes back as it went', () => {
    const ticket = ticketOf()
    const text = encodeTicket(ticket)
    expect(text).toMatch(/^mesh1[1-9A-HJ-NP-Za-km-z]+$/)
    expect(decodeTicket(text, nowMs)).toEqual(ticket)
  })

  it('may have white space around it, not within', () => {
    const text = encodeTicket(ticketOf())
    expect(decodeTicket(`\r\n\t ${text} \n`, nowMs)).toEqual(decodeTicket(text, nowMs))
    for (const at of [3, 5, 100, text.length - 1]) {
      expect(() => decodeTicket(`${text.slice(0, at)} ${text.slice(at)}`, nowMs)).toThrow(invalid)
    }
  })

  it('is known as cut at every length', () => {
    const text = encodeTicket(ticketOf())
    for (let length = 0; length < text.length; length++) {
      expect(() => decodeTicket(text.slice(0, length), nowMs), `${length}`).toThrow(invalid)
      expect(() => decodeTicket(text.slice(length + 1), nowMs), `from ${length + 1}`).toThrow(invalid)
    }
  })

  it('is refused when any of its characters is another', () => {
    const text = encodeTicket(ticketOf())
    const others = ['1', '2', 'z', 'Z', 'A', '0', 'O', 'I', 'l', ' ', '\u0100', '\u2603', '\u{1f680}']
    for (let at = 0; at < text.length; at++) {
      for (const other of others) {
        if (text[at] === other) continue
        expect(() => decodeTicket(text.slice(0, at) + other + text.slice(at + 1), nowMs), `${at} ${other}`).toThrow(
          invalid
        )
      }
    }
  })

  it('is refused when a digit 0 is written in another script', () => {
    // The decoder below reads every character beyond Latin-1 as the digit that "1" stands for.
    let text = ''
    while (!text.slice(5).includes('1')) text = encodeTicket(ticketOf())
    const at = text.indexOf('1', 5)
    expect(() => decodeTicket(`${text.slice(0, at)}\u0661${text.slice(at + 1)}`, nowMs)).toThrow(invalid)
  })

  it.each(['', 'mesh', 'mesh1', 'mesh2abc', 'MESH1abc', 'https://example.org/', 'mesh11111111', 'mesh1\u0000'])(
    'is not %j',
    (text) => {
      expect(() => decodeTicket(text, nowMs)).toThrow(invalid)
    }
  )

  it('of another kind is named by its beginning', () => {
    const text = encodeTicket(ticketOf())
    expect(() => decodeTicket(text.replace('mesh1', 'mesh2'), nowMs)).toThrow('does not begin with mesh1')
  })

  it('has at most 2 KiB, which is said at once of a longer text', () => {
    let most = limits.ticketBytes
    while (Ticket.encode(withAddress(most)).length > limits.ticketBytes) most--
    expect(Ticket.encode(withAddress(most))).toHaveLength(limits.ticketBytes)
    expect(decodeTicket(encodeTicket(withAddress(most)), nowMs).addresses[0]).toHaveLength(most)
    expect(() => encodeTicket(withAddress(most + 1))).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }))
    expect(() => decodeTicket(`mesh1${'z'.repeat(10_000_000)}`, nowMs)).toThrow('it is too long')
    expect(() => decodeTicket(`mesh1${'z'.repeat(limits.ticketBytes * 1.5)}`, nowMs)).toThrow('it is too long')
  })

  it('that is past its time is refused, ten minutes later for a clock that may be fast', () => {
    const text = encodeTicket(ticketOf())
    const endMs = nowMs + dayMs
    expect(decodeTicket(text, endMs + limits.clockToleranceMs).expiresMs).toBe(endMs)
    expect(() => decodeTicket(text, endMs + limits.clockToleranceMs + 1)).toThrow(expired)
    expect(() => decodeTicket(encodeTicket(ticketOf({ expiresMs: 0 })), nowMs)).toThrow(expired)
    expect(() => decodeTicket(encodeTicket(ticketOf({ expiresMs: Number.MAX_SAFE_INTEGER })), nowMs)).not.toThrow()
  })

  it('is refused when a part of it cannot be what it says, though its checksum holds', async () => {
    const secp = await generateKeyPair('secp256k1')
    const parts: Array<Partial<Ticket>> = [
      { inviteId: new Uint8Array(15) },
      { secret: new Uint8Array(17) },
      { sealKey: new Uint8Array(31) },
      { networkKey: new Uint8Array(36) },
      { networkKey: withArrayBuffer(publicKeyToProtobuf(secp.publicKey)) },
      { issuer: new Uint8Array() },
      { issuer: new Uint8Array(38) },
      { groups: ['Ops'] },
      { groups: Array.from({ length: limits.groupsPerCertificate + 1 }, (_, i) => `g${i}`) }
    ]
    for (const part of parts) expect(() => decodeTicket(encodeTicket(ticketOf(part)), nowMs)).toThrow(invalid)
  })

  it('is refused when the checksum holds and the message does not', async () => {
    const { createHash } = await import('node:crypto')
    for (const body of [Buffer.alloc(0), Buffer.from([0xff]), Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])]) {
      const sum = createHash('sha256').update(body).digest().subarray(0, 4)
      expect(() => decodeTicket(`mesh1${base58btc.baseEncode(Buffer.concat([body, sum]))}`, nowMs)).toThrow(invalid)
    }
  })
})
