import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { limits, MeshError } from '@agent-mesh/wire'
import { PreambleDecoder, withLength } from '../src/tunnel/preamble.ts'

/** Feeds the bytes in pieces of the given sizes, the rest as one piece. */
const feed = (bytes: Uint8Array, cuts: number[]): { message: Uint8Array; rest: Uint8Array } | undefined => {
  const decoder = new PreambleDecoder()
  let offset = 0
  for (const cut of [...cuts, bytes.length]) {
    const complete = decoder.push(bytes.subarray(offset, offset + cut))
    offset = Math.min(offset + cut, bytes.length)
    if (complete !== undefined)
      return { message: complete.message, rest: Buffer.concat([complete.rest, bytes.subarray(offset)]) }
  }
  return undefined
}

describe('the first message of a tunnel', () => {
  it('survives any split, and what follows it is left alone', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.uint8Array({ maxLength: 50 }),
        fc.array(fc.nat({ max: 60 }), { maxLength: 12 }),
        (message, rest, cuts) => {
          const complete = feed(Buffer.concat([withLength(message), rest]), cuts)
          expect(Buffer.from(complete?.message ?? []).equals(message)).toBe(true)
          expect(Buffer.from(complete?.rest ?? []).equals(rest)).toBe(true)
        }
      )
    )
  })

  it('may be as long as the limit and not one byte longer', () => {
    const longest = new Uint8Array(limits.tunnelOpenBytes)
    expect(feed(withLength(longest), [])?.message.length).toBe(limits.tunnelOpenBytes)
    expect(() => withLength(new Uint8Array(limits.tunnelOpenBytes + 1))).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' })
    )
    const lie = limits.tunnelOpenBytes + 1
    for (const bytes of [
      [(lie & 0x7f) | 0x80, lie >>> 7],
      [0xff, 0xff],
      [0x80, 0x00]
    ]) {
      expect(() => new PreambleDecoder().push(Uint8Array.from(bytes))).toThrow(
        expect.objectContaining({ code: 'TUNNEL_PROTOCOL' })
      )
    }
  })

  it('is not there before its last byte', () => {
    const decoder = new PreambleDecoder()
    const bytes = withLength(new Uint8Array(300))
    for (const byte of bytes.subarray(0, -1)) expect(decoder.push(Uint8Array.of(byte))).toBeUndefined()
    expect(decoder.push(bytes.subarray(-1))?.message.length).toBe(300)
  })

  it('answers any bytes with a message, patience or a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        try {
          new PreambleDecoder().push(bytes)
        } catch (err) {
          if (!(err instanceof MeshError)) throw err
        }
      }),
      { numRuns: 100_000 }
    )
  })
})
