import * as fc from 'fast-check'
import { encode, type Packet } from 'dns-packet'
import { describe, expect, it } from 'vitest'
import { readQuery } from '../../../src/gateway/dns/query.ts'

const seed = Number(process.env['MESH_SEED'] ?? 20_261_123)

const question = { name: 'Web.Alice.mesh', type: 'A' as const, class: 'IN' as const }
const opt = {
  type: 'OPT' as const,
  name: '.' as const,
  udpPayloadSize: 1_232,
  flags: 0x8000,
  extendedRcode: 0,
  ednsVersion: 0,
  flag_do: true,
  options: []
}

const packet = (more: Partial<Packet> = {}): Buffer =>
  encode({ type: 'query', id: 4_711, flags: 0x0100, questions: [question], ...more })

const withFlags = (flags: number): Buffer => {
  const bytes = packet()
  bytes.writeUInt16BE(flags, 2)
  return bytes
}

/** A head with these counts, and what follows it. */
const raw = (counts: number[], ...rest: Array<Buffer | number[]>): Buffer => {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(4_711, 0)
  for (const [index, count] of counts.entries()) head.writeUInt16BE(count, 4 + 2 * index)
  return Buffer.concat([head, ...rest.map((one) => Buffer.from(one))])
}

const labels = (...texts: string[]): Buffer =>
  Buffer.concat([...texts.map((text) => Buffer.from([Buffer.byteLength(text), ...Buffer.from(text)])), Buffer.of(0)])

const aOfInternet = [0, 1, 0, 1]
const optHead = [0, 0, 41, 4, 208, 0, 0, 0, 0]

describe('a query', () => {
  it('is read as another implementation writes it', () => {
    expect(readQuery(packet({ additionals: [opt] }))).toEqual({
      query: {
        id: 4_711,
        opcode: 0,
        isRecursionDesired: true,
        question: { bytes: expect.any(Buffer), host: 'Web.Alice.mesh', nameBytes: 16, type: 1, class: 1 },
        extension: { version: 0, isDnssecWanted: true }
      }
    })
  })

  it('keeps what no host name has apart from dots', () => {
    const read = readQuery(raw([1, 0, 0, 0], labels('a.b', 'x\\y', 'ü', 'mesh'), aOfInternet))
    expect(read).toMatchObject({ query: { question: { host: 'a\\046b.x\\092y.\\195\\188.mesh' } } })
    const whole = readQuery(raw([1, 0, 0, 0], labels('x.mesh'), aOfInternet))
    expect(whole).toMatchObject({ query: { question: { host: 'x\\046mesh' } } })
  })

  it('may ask for the root, and carry records that nobody needs', () => {
    expect(readQuery(raw([1, 0, 0, 0], [0], aOfInternet))).toMatchObject({ query: { question: { host: '' } } })
    const other = { type: 'TXT' as const, name: 'key.mesh', data: 'x' }
    expect(readQuery(packet({ additionals: [other, opt] }))).toMatchObject({ query: { extension: { version: 0 } } })
  })

  const longest = ['a'.repeat(63), 'b'.repeat(63), 'c'.repeat(63), 'd'.repeat(61)]
  it('has a name of at most 255 bytes', () => {
    expect(readQuery(raw([1, 0, 0, 0], labels(...longest), aOfInternet))).toMatchObject({
      query: { question: { nameBytes: 255 } }
    })
    const longer = labels(...longest.slice(0, 3), 'd'.repeat(62))
    expect(readQuery(raw([1, 0, 0, 0], longer, aOfInternet))).toMatchObject({ rcode: 'formatError' })
  })

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['half a head', packet().subarray(0, 11)],
    ['an answer', withFlags(0x8180)]
  ])('that is %s is not answered at all', (_what, bytes) => {
    expect(readQuery(bytes)).toBeUndefined()
  })

  it.each<[string, Buffer]>([
    ['has no question', raw([0, 0, 0, 0])],
    ['has two questions', packet({ questions: [question, question] })],
    ['brings an answer', packet({ answers: [{ type: 'A', name: 'x', data: '127.0.0.1' }] })],
    ['says that it brings an answer', raw([1, 1, 0, 0], labels('a', 'mesh'), aOfInternet)],
    ['says that it brings an authority', raw([1, 0, 1, 0], labels('a', 'mesh'), aOfInternet)],
    ['is cut in its name', packet().subarray(0, 20)],
    ['is cut before its type', packet().subarray(0, -3)],
    ['goes on behind its end', Buffer.concat([packet(), Buffer.of(0)])],
    ['has a name that points to its head', raw([1, 0, 0, 0], [0xc0, 0], aOfInternet)],
    ['has a name that points to itself', raw([1, 0, 0, 0], [0xc0, 12], aOfInternet)],
    ['has a label of an unknown kind', raw([1, 0, 0, 0], [0x41, 1, 0], aOfInternet)],
    ['lacks a record that it counts', raw([1, 0, 0, 1], labels('a', 'mesh'), aOfInternet)],
    ['counts 65,535 records', raw([1, 0, 0, 65_535], labels('a', 'mesh'), aOfInternet, optHead, [0, 0])],
    ['has a record longer than itself', raw([1, 0, 0, 1], labels('a', 'mesh'), aOfInternet, optHead, [0, 9, 1])],
    ['has two extensions', packet({ additionals: [opt, opt] })],
    ['has an extension with a name', raw([1, 0, 0, 1], labels('a'), aOfInternet, [1, 97], optHead, [0, 0])],
    [
      'has an option longer than its extension',
      raw([1, 0, 0, 1], labels('a'), aOfInternet, optHead, [0, 4, 0, 10, 0, 1])
    ],
    ['has half an option', raw([1, 0, 0, 1], labels('a'), aOfInternet, optHead, [0, 3, 0, 10, 0])]
  ])('that %s is a format error', (_what, bytes) => {
    expect(readQuery(bytes)).toMatchObject({ head: { id: 4_711 }, rcode: 'formatError' })
  })

  it('of another kind is not implemented', () => {
    for (const opcode of [1, 2, 4, 5, 6])
      expect(readQuery(withFlags(opcode << 11))).toMatchObject({ head: { opcode }, rcode: 'notImplemented' })
  })

  it('of random bytes, of a changed message, or of a cut one never throws', () => {
    const base = packet({ additionals: [opt] })
    const changed = fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 6 }).map((changes) => {
      const bytes = Buffer.from(base)
      for (const [at, value] of changes) bytes[at] = value
      return bytes
    })
    const noise = fc.uint8Array({ maxLength: 600, size: 'max' }).map((bytes) => Buffer.from(bytes))
    const headed = fc.tuple(noise, fc.nat(3)).map(([bytes, count]) => raw([1, 0, 0, count], bytes))
    const cut = fc.tuple(changed, fc.nat(base.length)).map(([bytes, end]) => bytes.subarray(0, end))
    fc.assert(
      fc.property(fc.oneof(changed, noise, headed, cut), (bytes) => {
        const read = readQuery(bytes)
        if (read === undefined || 'head' in read) return
        const { host, nameBytes } = read.query.question
        expect(host).toMatch(/^[\x21-\x7e]*$/)
        expect(nameBytes).toBeLessThanOrEqual(255)
      }),
      { seed, numRuns: 20_000 }
    )
  })
})
