import { beforeAll, describe, expect, it } from 'vitest'
import { sealEnvelope } from '@agent-mesh/identity'
import { HealthDigest, limits } from '@agent-mesh/wire'
import { DigestBook } from '../../src/health/digest-book.ts'
import { readDigest } from '../../src/health/digest.ts'
import { Intake, type Taken } from '../../src/health/intake.ts'
import type { ServiceHealth } from '../../src/health/interface.ts'
import { digestOf, networkId, person, signed, type Person } from './fixture.ts'

let alice: Person
let bob: Person

beforeAll(async () => {
  alice = await person()
  bob = await person()
})

const largest: ServiceHealth[] = Array.from({ length: limits.servicesPerNode }, (_, at) => ({
  name: `${'s'.repeat(limits.nameLength - 2)}${String(at).padStart(2, '0')}`,
  state: 'failing',
  sinceMs: 1_790_000_000_000,
  reason: 'x'.repeat(500),
  weight: 1_000
}))

const largestDigest = () => ({
  services: largest,
  neighbours: Array.from({ length: 100 }, () => ({ peerId: bob.id, rttMs: 4e6, jitterMs: 4e6, stalls: 64, loss: 1 }))
})

const payload = (more: Partial<HealthDigest>): HealthDigest => ({
  peerId: new Uint8Array(alice.peerId.toMultihash().bytes),
  network: networkId,
  incarnation: 1,
  sequence: 1,
  timeMs: 1,
  isLeaving: false,
  lagMs: 0,
  tunnels: 0,
  services: [],
  neighbours: [],
  ...more
})

const neighbour = () => ({
  peerId: new Uint8Array(bob.peerId.toMultihash().bytes),
  rttUs: 1,
  jitterUs: 1,
  stalls: 0,
  lossPpm: 0,
  lossInPpm: 0,
  hasLossIn: false,
  hasLoss: false
})

describe('a digest', () => {
  it('says what was signed', async () => {
    const about = {
      services: [{ name: 'web', state: 'failing' as const, sinceMs: 5, reason: 'refused', weight: 2.5 }],
      neighbours: [
        { peerId: bob.id, rttMs: 1.5, jitterMs: 0.25, stalls: 1 },
        { peerId: alice.id, rttMs: 2, jitterMs: 0, stalls: 0, loss: 0.125 }
      ]
    }
    const { bytes } = await signed(alice, about, { isLeaving: true })
    const read = readDigest(bytes, networkId)
    await read.verify()
    expect(read.digest).toEqual(digestOf(alice.id, about))
    expect(read.isLeaving).toBe(true)
  })

  it('keeps its bound, and with it that of gossip, however much there is to tell: what is worth least goes first', async () => {
    const { bytes, digest } = await signed(alice, largestDigest())
    expect(bytes.length).toBeLessThanOrEqual(limits.digestBytes)
    expect(digest.services).toHaveLength(limits.servicesPerNode)
    expect(readDigest(bytes, networkId).digest).toEqual(digest)
  })

  it('is refused at one byte more than its limit', () => {
    expect(() => readDigest(new Uint8Array(limits.digestBytes + 1), networkId)).toThrow(
      expect.objectContaining({ code: 'HEALTH_INVALID', message: expect.stringContaining('4033') })
    )
  })

  const service = { name: 'web', state: 1, sinceMs: 1, reason: '', weightPermille: 1_000 }
  it.each<[string, () => Partial<HealthDigest>, string]>([
    ['another member', () => ({ peerId: new Uint8Array(bob.peerId.toMultihash().bytes) }), 'HEALTH_INVALID'],
    ['no peer id', () => ({ peerId: new Uint8Array(3) }), 'HEALTH_INVALID'],
    ['another network', () => ({ network: 'b'.repeat(26) }), 'NETWORK_FOREIGN'],
    ['an incarnation beyond any time', () => ({ incarnation: 2 ** 53 - 1 }), 'HEALTH_INVALID'],
    ['a time beyond any date', () => ({ timeMs: 8.7e15 }), 'HEALTH_INVALID'],
    ['a service of no state', () => ({ services: [{ ...service, state: 4 }] }), 'HEALTH_INVALID'],
    ['a service of no name', () => ({ services: [{ ...service, name: 'A b' }] }), 'HEALTH_INVALID'],
    ['a service twice', () => ({ services: [service, service] }), 'HEALTH_INVALID'],
    ['too heavy a service', () => ({ services: [{ ...service, weightPermille: 1_000_001 }] }), 'HEALTH_INVALID'],
    ['a loss above one', () => ({ neighbours: [{ ...neighbour(), lossPpm: 1_000_001 }] }), 'HEALTH_INVALID'],
    [
      'one neighbour too many',
      () => ({ neighbours: Array.from({ length: limits.neighboursPerDigest + 1 }, neighbour) }),
      'HEALTH_INVALID'
    ],
    [
      'one service too many',
      () => ({
        services: Array.from({ length: limits.servicesPerNode + 1 }, (_, at) => ({ ...service, name: `s${at}` }))
      }),
      'HEALTH_INVALID'
    ]
  ])('about %s is refused', async (_, more, code) => {
    const bytes = await sealEnvelope('digest', HealthDigest.encode(payload(more())), alice.key)
    expect(() => readDigest(bytes, networkId)).toThrow(expect.objectContaining({ code }))
  })

  it('does not verify after one bit of it was changed', async () => {
    const { bytes } = await signed(alice)
    let verified = 0
    for (let bit = 0; bit < bytes.length * 8; bit += 7) {
      const bent = bytes.slice()
      bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      try {
        await readDigest(bent, networkId).verify()
        verified++
      } catch (err) {
        expect(err).toMatchObject({ name: 'MeshError' })
      }
    }
    expect(verified).toBe(0)
  })
})

describe('the book of digests', () => {
  const nowMs = 1_790_000_000_000
  const at = (incarnation: number, sequence: number, timeMs = nowMs) => ({ incarnation, sequence, timeMs })

  it('never takes an older one back', async () => {
    const book = new DigestBook(() => nowMs)
    book.add(await signed(alice, at(5, 5)))
    for (const [incarnation, sequence, verdict] of [
      [5, 5, 'stale'],
      [5, 4, 'stale'],
      [4, 900, 'stale'],
      [5, 6, 'news'],
      [6, 0, 'news']
    ] as const)
      expect(book.judge(digestOf(alice.id, at(incarnation, sequence)), true)).toBe(verdict)
  })

  it('knows by its times what cannot be from now', () => {
    const book = new DigestBook(() => nowMs)
    const { clockToleranceMs } = limits
    const judge = (timeMs: number, incarnation = 1, isGossip = true) =>
      book.judge(digestOf(alice.id, { incarnation, sequence: 1, timeMs }), isGossip)
    expect(judge(nowMs + clockToleranceMs)).toBe('news')
    expect(judge(nowMs + clockToleranceMs + 1)).toBe('skewed')
    expect(judge(nowMs - clockToleranceMs)).toBe('news')
    expect(judge(nowMs - clockToleranceMs - 1)).toBe('skewed')
    expect(judge(nowMs - 10 * clockToleranceMs, 1, false)).toBe('news')
    expect(judge(nowMs, nowMs + clockToleranceMs + 1)).toBe('skewed')
  })
})

describe('taking digests in', () => {
  const nowMs = 1_790_000_000_000
  const about = { incarnation: nowMs, timeMs: nowMs }

  const setUp = (members: string[]) => {
    const book = new DigestBook(() => nowMs)
    const seen = { news: [] as number[], own: [] as number[], unknown: 0, introduced: 0 }
    const known = new Set(members)
    const intake = new Intake({
      networkId,
      self: alice.id,
      book,
      ownIncarnation: () => nowMs - 1_000,
      isMember: (peer) => known.has(peer),
      introduce: async (subject, chain) => {
        seen.introduced += chain.length
        known.add(subject.toString())
      },
      onNews: ({ digest }) => seen.news.push(digest.sequence),
      onOwn: (incarnation) => seen.own.push(incarnation),
      onUnknown: () => seen.unknown++
    })
    return { intake, seen }
  }

  it('takes one of a member once', async () => {
    const { intake, seen } = setUp([bob.id])
    const { bytes } = await signed(bob, { ...about, sequence: 3 })
    const taken: Taken[] = []
    for (let i = 0; i < 2; i++) taken.push(await intake.take(bytes, bob.id, { isGossip: true }))
    expect(taken).toEqual(['news', 'stale'])
    expect(seen.news).toEqual([3])
  })

  it('refuses one that somebody else spreads, and takes the same from a neighbour that was asked for it', async () => {
    const { intake, seen } = setUp([bob.id])
    const { bytes } = await signed(bob, about)
    await expect(intake.take(bytes, alice.id, { isGossip: true })).rejects.toMatchObject({ code: 'HEALTH_INVALID' })
    expect(seen.news).toEqual([])
    expect(await intake.take(bytes, alice.id, { isGossip: false })).toBe('news')
  })

  it('learns who is unknown by the certificates that come along, and takes nothing of strangers', async () => {
    const { intake, seen } = setUp([])
    const { bytes } = await signed(bob, about)
    expect(await intake.take(bytes, alice.id, { isGossip: false })).toBe('unknown')
    expect(seen).toMatchObject({ unknown: 1, news: [] })
    const chain = [new Uint8Array(1)]
    expect(await intake.take(bytes, alice.id, { isGossip: false, chain })).toBe('news')
    expect(seen.introduced).toBe(1)
  })

  it('finds out by its own former digest that its clock was set back, and by no claim of others', async () => {
    const { intake, seen } = setUp([bob.id])
    const former = await signed(alice, { ...about, incarnation: nowMs + 5 })
    expect(await intake.take(former.bytes, bob.id, { isGossip: false })).toBe('own')
    expect(seen.own).toEqual([nowMs + 5])
    const older = await signed(alice, { ...about, incarnation: 7 })
    expect(await intake.take(older.bytes, bob.id, { isGossip: false })).toBe('stale')
    const forged = former.bytes.slice()
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
    await expect(intake.take(forged, bob.id, { isGossip: false })).rejects.toMatchObject({ code: 'HEALTH_INVALID' })
    expect(seen.own).toHaveLength(1)
  })
})
