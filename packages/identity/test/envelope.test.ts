import { generateKeyPair } from '@libp2p/crypto/keys'
import { RecordEnvelope } from '@libp2p/peer-record'
import { describe, expect, it } from 'vitest'
import { envelopeKinds, type EnvelopeKind } from '@agent-mesh/wire'
import { openEnvelope, readEnvelope, sealEnvelope } from '@agent-mesh/identity'
import { idOf, member } from './network-fixture.ts'

const kinds = Object.keys(envelopeKinds).filter((kind): kind is EnvelopeKind => Object.hasOwn(envelopeKinds, kind))
const payload = Uint8Array.from({ length: 100 }, (_, i) => i)
const refused = expect.objectContaining({ name: 'MeshError', code: 'RECORD_INVALID' })
const open = async (kind: EnvelopeKind, bytes: Uint8Array, most = 4096) =>
  openEnvelope(kind, bytes, most, 'RECORD_INVALID')

const again = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts)

/** Four length-delimited fields of an envelope as they lie in its bytes: key, type, payload, signature. */
const fieldsOf = (bytes: Uint8Array): [Uint8Array, Uint8Array, Uint8Array, Uint8Array] => {
  const fields: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    const end = at + 2 + (bytes[at + 1] ?? 0)
    fields.push(bytes.subarray(at, end))
    at = end
  }
  const [key, type, body, signature] = fields
  if (key === undefined || type === undefined || body === undefined || signature === undefined) throw new Error('cut')
  return [key, type, body, signature]
}

describe('a signed envelope', () => {
  it.each(kinds)('carries a %s and its author', async (kind) => {
    const { signer, payload: opened } = await open(kind, await sealEnvelope(kind, payload, member))
    expect(opened).toEqual(payload)
    expect(signer.equals(idOf(member))).toBe(true)
  })

  it.each(kinds)('is what any libp2p reads: %s', async (kind) => {
    const envelope = await RecordEnvelope.openAndCertify(
      await sealEnvelope(kind, payload, member),
      envelopeKinds[kind].domain
    )
    expect(envelope.payload).toEqual(payload)
  })

  it('is never taken for another kind, not even with the type of that kind written on it', async () => {
    for (const kind of kinds) {
      const bytes = await sealEnvelope(kind, payload, member)
      for (const other of kinds.filter((one) => one !== kind)) {
        await expect(open(other, bytes)).rejects.toThrow(refused)
        const [key, , body, signature] = fieldsOf(bytes)
        const type = Uint8Array.from([0x12, 4, ...envelopeKinds[other].codec])
        await expect(open(other, Buffer.concat([key, type, body, signature]))).rejects.toThrow(refused)
      }
    }
  })

  it('is refused with another type of payload, though it is signed in the right domain', async () => {
    const { domain } = envelopeKinds.record
    const { codec } = envelopeKinds.certificate
    const sealed = await RecordEnvelope.seal({ domain, codec, marshal: () => payload, equals: () => false }, member)
    await expect(open('record', sealed.marshal())).rejects.toThrow('its payload is of another kind')
  })

  it('has kinds that differ in domain and in type', () => {
    expect(new Set(kinds.map((kind) => envelopeKinds[kind].domain)).size).toBe(kinds.length)
    expect(new Set(kinds.map((kind) => envelopeKinds[kind].codec.join())).size).toBe(kinds.length)
  })

  it('is looked at up to its limit and not at one byte more', async () => {
    const bytes = await sealEnvelope('record', payload, member)
    await expect(open('record', bytes, bytes.length)).resolves.toBeDefined()
    await expect(open('record', bytes, bytes.length - 1)).rejects.toThrow(refused)
  })

  it('is refused with a key of another type', async () => {
    for (const type of ['RSA', 'secp256k1', 'ECDSA'] as const) {
      const key = type === 'RSA' ? await generateKeyPair(type, 2048) : await generateKeyPair(type)
      await expect(open('record', await sealEnvelope('record', payload, key))).rejects.toThrow(refused)
    }
  })

  it('has one form: the same fields in other bytes are refused', async () => {
    const bytes = await sealEnvelope('record', payload, member)
    const [key, type, body, signature] = fieldsOf(bytes)
    expect(again(key, type, body, signature)).toEqual(Buffer.from(bytes))
    const others = [
      again(type, key, body, signature),
      again(key, type, body, signature, signature),
      again(key, type, body, signature, Uint8Array.of(0x22, 1, 7)),
      again(key, Uint8Array.of(0x12, 0x84, 0x00), type.subarray(2), body, signature),
      again(Uint8Array.of(0x0a, 38), key.subarray(2), Uint8Array.of(0x18, 0), type, body, signature)
    ]
    for (const other of others) await expect(open('record', other)).rejects.toThrow(refused)
  })

  it('does not hold with the other signature that the same curve equation has', async () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    const bytes = await sealEnvelope('record', payload, member)
    const forged = bytes.slice()
    let s = BigInt(`0x${Buffer.from(bytes.slice(-32).toReversed()).toString('hex')}`) + order
    for (let i = forged.length - 32; i < forged.length; i++, s >>= 8n) forged[i] = Number(s & 0xffn)
    await expect(open('record', forged)).rejects.toThrow('its signature does not hold')
  })

  it('can be read before its signature is checked', async () => {
    const bytes = await sealEnvelope('record', payload, member)
    const forged = bytes.slice()
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
    const read = readEnvelope('record', forged, 4096, 'RECORD_INVALID')
    expect(read.payload).toEqual(payload)
    await expect(read.verify()).rejects.toThrow(refused)
    await expect(readEnvelope('record', bytes, 4096, 'RECORD_INVALID').verify()).resolves.toBeUndefined()
  })

  it('gives its own error for whatever is cut, empty or no envelope', async () => {
    const bytes = await sealEnvelope('record', payload, member)
    for (let length = 0; length < bytes.length; length++) {
      await expect(open('record', bytes.subarray(0, length))).rejects.toThrow(refused)
    }
  })
})
