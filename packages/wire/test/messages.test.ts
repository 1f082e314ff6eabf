import { describe, expect, it } from 'vitest'
import * as generated from '../src/generated/messages.ts'
import { fieldsOf, weigh } from './message-fields.ts'
import type { Sample } from './message-sample.ts'
import { sampleOf, samples } from './message-samples.ts'
import { seededRandom } from '@agent-mesh/testkit/mutations'

const join = (...parts: Uint8Array[]): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.concat(parts))

/** Milliseconds since 1970 need more than five bytes. */
const isTime = ({ tag, raw }: { tag: number; raw: Uint8Array }): boolean => (tag & 7) === 0 && raw.length > 6

const each = samples.map((sample): [string, Sample] => [sample.name, sample])

describe('the messages', () => {
  it('are all covered here', () => {
    expect(samples.map(({ name }) => name).toSorted()).toEqual(Object.keys(generated).toSorted())
  })

  it.each(each)('%s survives the wire', (_, { value, encoded, decode }) => {
    expect(decode(encoded)).toEqual(value)
  })

  it.each(each)('%s is refused at one byte more than its limit', (_, { encoded, decode, most, code }) => {
    // Field 100 carries the filling, so that nothing but the size can be wrong.
    const filling = (size: number): Uint8Array => {
      const length = size - encoded.length - 5
      const prefix = Uint8Array.of(0xa2, 0x06, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14)
      return join(encoded, prefix, new Uint8Array(length))
    }
    expect(filling(most)).toHaveLength(most)
    expect(() => decode(filling(most))).not.toThrow()
    expect(() => decode(filling(most + 1))).toThrow(expect.objectContaining({ name: 'MeshError', code }))
  })

  it.each(each)('%s ignores fields that this version does not know', (_, { value, encoded, decode }) => {
    const unknown = [
      [0xa0, 0x06, 0xff, 0x01],
      [0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8],
      [0xa2, 0x06, 3, 1, 2, 3],
      [0xa5, 0x06, 1, 2, 3, 4],
      [0xa3, 0x06, 0x08, 0x05, 0xa4, 0x06]
    ].map((field) => Uint8Array.from(field))
    for (const field of unknown) {
      expect(decode(join(field, encoded))).toEqual(value)
      expect(decode(join(encoded, field))).toEqual(value)
    }
  })

  it.each(each)('%s means the same in any order of its fields', (_, { value, encoded, decode }) => {
    const random = seededRandom(7)
    const fields = fieldsOf(encoded)
    for (let i = 0; i < 50; i++) {
      const rank = new Map(fields.map(({ tag }) => [tag, random.int(1_000)]))
      const shuffled = fields.toSorted((a, b) => (rank.get(a.tag) ?? 0) - (rank.get(b.tag) ?? 0))
      expect(decode(join(...shuffled.map(({ raw }) => raw)))).toEqual(value)
    }
  })

  it.each(['Certificate', 'Ticket', 'HelloRequest', 'JoinPlea'])(
    '%s takes the last of a field that comes twice',
    (name) => {
      const { value, encoded, decode } = sampleOf(name)
      const other = fieldsOf(encoded).map(({ tag, raw }) =>
        (tag & 7) === 0 ? Uint8Array.of(tag, 1) : raw.map((byte, i) => (i === raw.length - 1 ? byte ^ 1 : byte))
      )
      const first = new Map<string, unknown>(Object.entries(decode(join(...other))))
      const expected = Object.entries(value).map(([key, last]: [string, unknown]) => {
        const before = first.get(key)
        return [key, Array.isArray(last) && Array.isArray(before) ? [...before, ...last] : last]
      })
      expect(decode(join(...other, encoded))).toEqual(Object.fromEntries(expected))
    }
  )

  it.each(each)(
    '%s gives an error for every length that it is cut at within a field',
    (_, { encoded, decode, code }) => {
      const ends = new Set([0])
      let end = 0
      for (const { raw } of fieldsOf(encoded)) ends.add((end += raw.length))
      for (let length = 0; length < encoded.length; length++) {
        const cut = encoded.subarray(0, length)
        if (ends.has(length)) expect(() => decode(cut)).not.toThrow()
        else expect(() => decode(cut), `cut at ${length}`).toThrow(expect.objectContaining({ code }))
      }
    }
  )

  it.each(each)('%s allocates nothing for a length that is a lie', (_, { encoded, decode, code }) => {
    const lies = [
      [0x80, 0x80, 0x80, 0x80, 0x08],
      [0xff, 0xff, 0xff, 0xff, 0x0f],
      [0xff, 0xff, 0xff, 0xff, 0x07]
    ].map((lie) => Uint8Array.from(lie))
    const tags = [...new Set(fieldsOf(encoded).map(({ tag }) => tag)), 0x7a].filter((tag) => (tag & 7) === 2)
    const before = process.memoryUsage()
    for (let i = 0; i < 200; i++) {
      for (const tag of tags) {
        for (const lie of lies) {
          const claim = join(Uint8Array.of(tag), lie, Uint8Array.of(1, 2, 3))
          expect(() => decode(claim)).toThrow(expect.objectContaining({ code }))
        }
      }
    }
    const after = process.memoryUsage()
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(16 * 1024 * 1024)
    expect(after.rss - before.rss).toBeLessThan(128 * 1024 * 1024)
  })

  it.each(each)('%s holds no more than its bytes when a list is full of nothing', (_, { encoded, decode, most }) => {
    const lists = fieldsOf(encoded).filter(({ tag }) => (tag & 7) === 2)
    for (const { tag } of lists) {
      const full = new Uint8Array(most)
      for (let at = 0; at < full.length; at += 2) full[at] = tag
      expect(weigh(decode(full))).toBeLessThanOrEqual(most / 2)
    }
  })

  it.each(each)('%s answers groups that are nested without end with an error', (_, { decode, code }) => {
    // Field 15 is no message's own.
    const nested = new Uint8Array(1024 * 1024).fill(0x7b)
    expect(() => decode(nested, nested.length)).toThrow(expect.objectContaining({ code }))
  })

  it.each(each.filter(([, { encoded }]) => fieldsOf(encoded).some(isTime)))(
    '%s refuses a time that no double holds exactly',
    (_, { encoded, decode, code }) => {
      const huge = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)
      for (const { tag } of fieldsOf(encoded).filter(isTime)) {
        expect(() => decode(join(Uint8Array.of(tag), huge))).toThrow(expect.objectContaining({ code }))
      }
    }
  )
})
