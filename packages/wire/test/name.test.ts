import * as fc from 'fast-check'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { describe, expect, it } from 'vitest'
import { limits, looksLikePeerId, MeshError, parseName } from '@agent-mesh/wire'

const refused = expect.objectContaining({ name: 'MeshError', code: 'NAME_INVALID' })

/** Multihash of the peer id with this Ed25519 public key. */
const multihash = (key: Uint8Array): Uint8Array => Uint8Array.of(0, 36, 8, 1, 18, 32, ...key)
const inBase58 = (key: Uint8Array): string => base58btc.baseEncode(multihash(key))
const inBase36 = (key: Uint8Array): string => base36.encode(Uint8Array.of(1, 0x72, ...multihash(key)))

describe('a name', () => {
  it.each(['a', '7', 'alice', 'a-b', 'a--b', 'node-17', 'x'.repeat(limits.nameLength)])('may be %s', (text) => {
    expect(parseName(text)).toBe(text)
  })

  it.each([
    ['', '1 to 63 characters'],
    ['x'.repeat(limits.nameLength + 1), '1 to 63 characters'],
    ['Alice', 'not one label'],
    ['a.b', 'not one label'],
    ['a_b', 'not one label'],
    ['-a', 'not one label'],
    ['a-', 'not one label'],
    ['a b', 'not one label'],
    ['a\n', 'not one label'],
    ['älice', 'not one label'],
    ['cap', 'reserved'],
    ['mesh', 'reserved'],
    ['local', 'reserved'],
    ['localhost', 'reserved'],
    ['members', 'reserved']
  ])('is not %j', (text, why) => {
    expect(() => parseName(text)).toThrow(refused)
    expect(() => parseName(text)).toThrow(why)
  })

  it('is not what could be taken for a peer id', () => {
    expect(() => parseName(inBase36(new Uint8Array(32)))).toThrow('looks like a peer id')
  })

  it('says what it was to name, and never lets the text out as it came', () => {
    expect(() => parseName('\u001b[2Jx', 'group')).toThrow(String.raw`"\u{1b}[2Jx" is no group name`)
    expect(() => parseName('\u202egnp', 'service')).toThrow(String.raw`"\u{202e}gnp" is no service name`)
  })

  it('is any text, or is refused with its own error', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 70, unit: 'binary' }), (text) => {
        try {
          expect(parseName(text)).toMatch(/^[a-z0-9-]+$/)
        } catch (err) {
          if (!(err instanceof MeshError)) throw err
        }
      }),
      { numRuns: 5_000 }
    )
  })
})

describe('a peer id in text', () => {
  it('is known in both forms, for the smallest and the largest key and those between', () => {
    const keys = [new Uint8Array(32), new Uint8Array(32).fill(255), Uint8Array.from({ length: 32 }, (_, i) => i * 7)]
    for (const key of keys) {
      expect(looksLikePeerId(inBase58(key)), inBase58(key)).toBe(true)
      expect(looksLikePeerId(inBase36(key)), inBase36(key)).toBe(true)
    }
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        expect(looksLikePeerId(inBase58(key))).toBe(true)
        expect(looksLikePeerId(inBase36(key))).toBe(true)
      })
    )
  })

  it('is not something a character shorter or longer, or around it', () => {
    for (const id of [inBase58(new Uint8Array(32).fill(3)), inBase36(new Uint8Array(32).fill(3))]) {
      for (const other of [id.slice(0, -1), `${id}1`, ` ${id}`, `${id}\n`, id.slice(1)]) {
        expect(looksLikePeerId(other), other).toBe(false)
      }
    }
  })
})
