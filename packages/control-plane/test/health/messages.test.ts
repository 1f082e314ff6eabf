import { beforeAll, describe, expect, it } from 'vitest'
import { mutate, seededRandom } from '@agent-mesh/testkit/mutations'
import { HealthFrame, HealthNews, limits, MeshError } from '@agent-mesh/wire'
import { plausible } from '../../src/health/claim.ts'
import { decodeFrame, encodeFrame, mostWanted, type Frame } from '../../src/health/frame.ts'
import { FrameSplitter, withLength } from '../../src/health/frame-splitter.ts'
import { decodeNews, encodeNews } from '../../src/health/news.ts'
import { NewsRules } from '../../src/health/news-rules.ts'
import { person, type Person } from './fixture.ts'

let bob: Person
let frames: Frame[]

beforeAll(async () => {
  bob = await person()
  const claims = (['alive', 'suspect', 'dead', 'left'] as const).map((state) => ({
    peerId: bob.id,
    state,
    incarnation: 1_790_000_000_000
  }))
  frames = [
    { is: 'probe', sequence: 1, claims },
    { is: 'ack', sequence: 2 ** 32 - 1, claims: [] },
    { is: 'relayed-ack', sequence: 3, claims: [] },
    { is: 'relayed-nack', sequence: 4, claims: [] },
    { is: 'probe-for-me', sequence: 5, target: bob.id, claims },
    { is: 'compare', view: new Uint8Array(16).fill(3), isAnswer: true },
    { is: 'states', claims, isAnswer: false, isLast: true },
    { is: 'digests', digests: [{ envelope: new Uint8Array(9), chain: [new Uint8Array(3)] }], wanted: [bob.id] }
  ]
})

const refused = expect.objectContaining({ name: 'MeshError', code: 'HEALTH_INVALID' })
const blank = HealthFrame.decode(new Uint8Array(0))
const claim = () => ({ peerId: new Uint8Array(bob.peerId.toMultihash().bytes), state: 1, incarnation: 1 })
const many = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item)

const encode = (more: Partial<HealthFrame>): Uint8Array => HealthFrame.encode({ ...blank, ...more })

const verdict = (rules: NewsRules, author: string | undefined, bytes: Uint8Array): string => {
  const judged = rules.judge(author, bytes)
  return judged.is === 'ignore' ? judged.why : judged.is
}

describe('messages between neighbours', () => {
  it('survive the wire', () => {
    for (const frame of frames) expect(decodeFrame(encodeFrame(frame))).toEqual(frame)
  })

  it('of a newer version are passed over, those of no kind are refused', () => {
    expect(decodeFrame(HealthFrame.encode({ ...blank, kind: 99 }))).toBeUndefined()
    expect(() => decodeFrame(HealthFrame.encode(blank))).toThrow(refused)
  })

  it('are refused beyond their bounds', () => {
    const wanted = claim().peerId
    expect(() => decodeFrame(encode({ kind: 7, claims: many(limits.claimsPerMessage, claim()) }))).not.toThrow()
    expect(() => decodeFrame(encode({ kind: 7, claims: many(limits.claimsPerMessage + 1, claim()) }))).toThrow(refused)
    expect(() => decodeFrame(encode({ kind: 8, wanted: many(mostWanted, wanted) }))).not.toThrow()
    expect(() => decodeFrame(encode({ kind: 8, wanted: many(mostWanted + 1, wanted) }))).toThrow(refused)
    expect(() => decodeFrame(encode({ kind: 6, view: new Uint8Array(17) }))).toThrow(refused)
    expect(() => decodeFrame(encode({ kind: 3, target: new Uint8Array(5) }))).toThrow(refused)
    expect(() => decodeFrame(encode({ kind: 7, claims: [{ ...claim(), state: 5 }] }))).toThrow(refused)
    expect(() => decodeFrame(new Uint8Array(limits.healthFrameBytes + 1))).toThrow(refused)
  })

  it('mean the same however their bytes are split', () => {
    const random = seededRandom(11)
    const stream = Buffer.concat(frames.map((frame) => withLength(encodeFrame(frame))))
    for (let round = 0; round < 200; round++) {
      const splitter = new FrameSplitter()
      const heard: Array<Frame | undefined> = []
      for (let at = 0; at < stream.length;) {
        const end = Math.min(stream.length, at + 1 + random.int(round % 2 === 0 ? 3 : 200))
        for (const bytes of splitter.push(stream.subarray(at, end))) heard.push(decodeFrame(bytes))
        at = end
      }
      expect(heard).toEqual(frames)
      expect(splitter.heldBytes).toBe(0)
    }
  })

  it('that announce more than they may are refused before they have come', () => {
    const { healthFrameBytes: most } = limits
    const splitter = new FrameSplitter()
    expect([...splitter.push(Uint8Array.of(most >> 8, most & 255))]).toEqual([])
    expect(() => [...new FrameSplitter().push(Uint8Array.of((most + 1) >> 8, (most + 1) & 255))]).toThrow(refused)
  })

  it('that are bent end in a message or in one typed error', () => {
    const random = seededRandom(12)
    for (let round = 0; round < 5_000; round++) {
      const frame = frames[round % frames.length]
      if (frame === undefined) continue
      const bent = mutate(encodeFrame(frame), random)
      try {
        decodeFrame(bent)
      } catch (err) {
        expect(err).toBeInstanceOf(MeshError)
        expect(err).toEqual(refused)
      }
    }
  })
})

describe('news by gossip', () => {
  const nowMs = 1_790_000_000_000
  const news = (more: Partial<ReturnType<typeof decodeNews>> = {}) =>
    encodeNews({ digest: undefined, claims: [], timeMs: nowMs, incarnation: 5, sequence: 1, ...more })
  const rulesFor = (members: string[]) =>
    new NewsRules({ now: () => nowMs, self: 'self', isMember: (peer) => members.includes(peer) })
  it('is held against whoever passes on what no honest node does', () => {
    const rules = rulesFor(['bob'])
    expect(verdict(rules, undefined, news())).toBe('reject')
    expect(verdict(rules, 'bob', Uint8Array.of(1, 2, 3))).toBe('reject')
    expect(verdict(rules, 'bob', new Uint8Array(limits.gossipMessageBytes + 1))).toBe('reject')
    const claims = many(limits.claimsPerMessage + 1, claim())
    const crowded = HealthNews.encode({ digest: new Uint8Array(0), claims, timeMs: nowMs, incarnation: 5, sequence: 1 })
    expect(verdict(rules, 'bob', crowded)).toBe('reject')
  })

  it('is ignored where its author is this node, unknown, or of another time', () => {
    const rules = rulesFor(['bob'])
    expect(verdict(rules, 'self', news())).toBe('own')
    expect(verdict(rules, 'eve', news())).toBe('unknown')
    const late = limits.clockToleranceMs + 1
    expect(verdict(rules, 'bob', news({ timeMs: nowMs - late }))).toBe('skewed')
    expect(verdict(rules, 'bob', news({ timeMs: nowMs + late }))).toBe('skewed')
    expect(verdict(rules, 'bob', news({ incarnation: nowMs + late }))).toBe('skewed')
    expect(verdict(rules, 'bob', news())).toBe('accept')
  })

  it('counts once, even when it was overtaken, and never again', () => {
    const rules = rulesFor(['bob'])
    const hear = (incarnation: number, sequence: number): string =>
      verdict(rules, 'bob', news({ incarnation, sequence }))
    expect([hear(5, 10), hear(5, 12), hear(5, 11)]).toEqual(['accept', 'accept', 'accept'])
    expect([hear(5, 10), hear(5, 11), hear(5, 12)]).toEqual(['old', 'old', 'old'])
    expect(hear(5, 100)).toBe('accept')
    expect([hear(5, 69), hear(5, 68)]).toEqual(['accept', 'old'])
    expect([hear(6, 1), hear(5, 101)]).toEqual(['accept', 'old'])
  })

  it('of one author is not passed on without end', () => {
    const rules = rulesFor(['bob', 'carol'])
    const heard = Array.from({ length: 40 }, (_, at) => verdict(rules, 'bob', news({ sequence: at + 1 })))
    expect(heard.filter((one) => one === 'accept')).toHaveLength(32)
    expect(heard.at(-1)).toBe('busy')
    expect(verdict(rules, 'carol', news())).toBe('accept')
  })

  it('fits with the largest digest', () => {
    const largest = news({ digest: new Uint8Array(limits.digestBytes), sequence: 2 ** 40 })
    expect(largest.length).toBeLessThanOrEqual(limits.gossipMessageBytes)
    const claims = many(limits.claimsPerMessage, { peerId: bob.id, state: 'dead' as const, incarnation: nowMs })
    expect(news({ claims }).length).toBeLessThanOrEqual(limits.gossipMessageBytes)
  })
})

it('a life that nobody can have begun yet is no claim', () => {
  const nowMs = 1_790_000_000_000
  const latestMs = nowMs + limits.clockToleranceMs
  const claims = [latestMs, latestMs + 1, 2 ** 53 - 2].map((incarnation) => ({
    peerId: bob.id,
    state: 'suspect' as const,
    incarnation
  }))
  expect(plausible(claims, nowMs)).toEqual(claims.slice(0, 1))
})
