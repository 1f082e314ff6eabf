import { generateKeyPairSync } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSealPair, openRequest, sealRequest } from '@agent-mesh/identity'

const invalid = expect.objectContaining({ name: 'MeshError', code: 'TICKET_INVALID' })
const plain = new TextEncoder().encode('a plea with a secret in it')
const answer = new TextEncoder().encode('a certificate')

const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const out = bytes.slice()
  out[bit >> 3] = (out[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return out
}

/** Points of X25519 whose product with any key is zero, with and without the bit that is ignored. */
const smallOrder = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'
].flatMap((hex) => {
  const point = Buffer.from(hex, 'hex')
  return [point, flipped(point, 255)]
})

describe('a sealed request', () => {
  it('is read by the holder of the key, and its answer by the one who asked', () => {
    const { publicKey, privateKey } = createSealPair()
    const { sealed, openAnswer } = sealRequest(publicKey, plain)
    const opened = openRequest(privateKey, sealed)
    expect(opened.plain).toEqual(plain)
    expect(openAnswer(opened.sealAnswer(answer))).toEqual(answer)
    expect(Buffer.from(sealed).includes(Buffer.from(plain))).toBe(false)
  })

  it('may carry anything, nothing included', () => {
    const { publicKey, privateKey } = createSealPair()
    const bytes = fc.uint8Array({ maxLength: 300 })
    fc.assert(
      fc.property(bytes, bytes, (asked, told) => {
        const { sealed, openAnswer } = sealRequest(publicKey, asked)
        const opened = openRequest(privateKey, sealed)
        expect(Buffer.compare(opened.plain, asked)).toBe(0)
        expect(Buffer.compare(openAnswer(opened.sealAnswer(told)), told)).toBe(0)
      })
    )
  })

  it('differs each time, and so does its answer', () => {
    const { publicKey, privateKey } = createSealPair()
    const { sealed } = sealRequest(publicKey, plain)
    expect(sealRequest(publicKey, plain).sealed).not.toEqual(sealed)
    const { sealAnswer } = openRequest(privateKey, sealed)
    expect(sealAnswer(answer)).not.toEqual(sealAnswer(answer))
  })

  it('opens for nobody else', () => {
    const { publicKey } = createSealPair()
    const { sealed } = sealRequest(publicKey, plain)
    expect(() => openRequest(createSealPair().privateKey, sealed)).toThrow(invalid)
  })

  it('does not open when one bit of it is another', () => {
    const { publicKey, privateKey } = createSealPair()
    const { sealed, openAnswer } = sealRequest(publicKey, plain)
    // The top bit of an X25519 key is ignored by the curve, yet it is part of what the keys are derived from.
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      expect(() => openRequest(privateKey, flipped(sealed, bit)), `bit ${bit}`).toThrow(invalid)
    }
    const sealedAnswer = openRequest(privateKey, sealed).sealAnswer(answer)
    for (let bit = 0; bit < sealedAnswer.length * 8; bit++) {
      expect(() => openAnswer(flipped(sealedAnswer, bit)), `bit ${bit}`).toThrow(invalid)
    }
  })

  it('does not open when it is cut, however short', () => {
    const { publicKey, privateKey } = createSealPair()
    const { sealed, openAnswer } = sealRequest(publicKey, plain)
    const sealedAnswer = openRequest(privateKey, sealed).sealAnswer(answer)
    for (let length = 0; length < sealed.length; length++) {
      expect(() => openRequest(privateKey, sealed.subarray(0, length)), `${length}`).toThrow(invalid)
    }
    for (let length = 0; length < sealedAnswer.length; length++) {
      expect(() => openAnswer(sealedAnswer.subarray(0, length)), `${length}`).toThrow(invalid)
    }
  })

  it('has a tag of sixteen bytes, though the cipher would take four', () => {
    const { publicKey } = createSealPair()
    const { openAnswer } = sealRequest(publicKey, plain)
    for (const length of [12, 16, 20, 24, 27]) {
      expect(() => openAnswer(new Uint8Array(length))).toThrow('too short')
    }
  })

  it('is answered in a direction of its own: a request sent back is no answer', () => {
    const { publicKey } = createSealPair()
    const { sealed, openAnswer } = sealRequest(publicKey, plain)
    expect(() => openAnswer(sealed.subarray(32))).toThrow(invalid)
  })

  it('takes no answer that was meant for another request', () => {
    const { publicKey, privateKey } = createSealPair()
    const mine = sealRequest(publicKey, plain)
    const theirs = sealRequest(publicKey, plain)
    const { sealAnswer } = openRequest(privateKey, theirs.sealed)
    expect(() => mine.openAnswer(sealAnswer(answer))).toThrow(invalid)
  })

  it('is not made with, nor opened from, a point whose secret everyone knows', () => {
    const { publicKey, privateKey } = createSealPair()
    const { sealed } = sealRequest(publicKey, plain)
    for (const point of smallOrder) {
      expect(() => sealRequest(point, plain), point.toString('hex')).toThrow(invalid)
      const forged = Buffer.concat([point, sealed.subarray(32)])
      expect(() => openRequest(privateKey, forged), point.toString('hex')).toThrow(invalid)
    }
  })

  it('is not made for something that is no key', () => {
    for (const length of [0, 31, 33]) expect(() => sealRequest(new Uint8Array(length).fill(9), plain)).toThrow(invalid)
  })

  it('says that the key on our own disk is at fault where it is', () => {
    const { publicKey } = createSealPair()
    const { sealed } = sealRequest(publicKey, plain)
    const ed25519 = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })
    for (const privateKey of ['', 'no key', ed25519.toString('base64')]) {
      expect(() => openRequest(privateKey, sealed)).toThrow(expect.objectContaining({ code: 'STATE_DAMAGED' }))
    }
  })
})
