import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { Exchange } from '../../src/health/exchange.ts'
import { hashView } from '../../src/health/comparison.ts'
import { encodeFrame, type Frame } from '../../src/health/frame.ts'
import { withLength } from '../../src/health/frame-splitter.ts'
import { readDigest, type SignedDigest } from '../../src/health/digest.ts'
import type { Claim } from '../../src/health/detector/interface.ts'
import { networkId, person, signed, type Person } from './fixture.ts'

/** A side that believes whatever it is shown. */
const side = (name: string, digests: SignedDigest[], states: Record<string, Claim['state']> = {}) => {
  const held = new Map(digests.map((one) => [one.digest.peerId, one]))
  const claimsHeard: Claim[] = []
  let same = 0
  const out: Frame[] = []
  const claims = (): Claim[] =>
    [...held.values()].map(({ digest: { peerId, incarnation }, isLeaving }) => ({
      peerId,
      incarnation,
      state: isLeaving ? 'left' : (states[peerId] ?? 'alive')
    }))
  const exchange = new Exchange({
    holdings: { claims, digest: (peer) => held.get(peer) },
    chainOf: () => [new Uint8Array(300)],
    intake: {
      take: async (envelope) => {
        const read = readDigest(envelope, networkId)
        held.set(read.digest.peerId, read)
        return 'news'
      }
    },
    now: () => 0,
    send: (_, frame) => out.push(frame) > 0,
    onClaims: (_, heard) => claimsHeard.push(...heard),
    onSame: () => same++,
    onInvalid: () => {}
  })
  return { name, exchange, out, held, claims, claimsHeard, same: () => same }
}

type Side = ReturnType<typeof side>

/** Carries messages to and fro until nobody has any left. @returns the bytes of all */
const talk = async (a: Side, b: Side): Promise<number> => {
  let bytes = 0
  const deliver = (from: Side, to: Side): boolean => {
    const frames = from.out.splice(0)
    for (const frame of frames) {
      bytes += withLength(encodeFrame(frame)).length
      if (frame.is === 'compare') to.exchange.onCompare(from.name, frame)
      else if (frame.is === 'states') to.exchange.onStates(from.name, frame)
      else if (frame.is === 'digests') to.exchange.onDigests(from.name, frame)
    }
    return frames.length > 0
  }
  a.exchange.begin(b.name)
  for (let isTalking = true; isTalking;) {
    isTalking = [deliver(a, b), deliver(b, a)].some(Boolean)
    await new Promise(setImmediate)
    isTalking ||= a.out.length + b.out.length > 0
  }
  return bytes
}

const people = async (count: number): Promise<Person[]> =>
  Promise.all(Array.from({ length: count }, async () => person()))

describe('comparing views', () => {
  it('of two that hold the same takes two short messages', async () => {
    const digests = await Promise.all((await people(100)).map(async (one) => signed(one)))
    const [a, b] = [side('a', digests), side('b', digests)]
    expect(await talk(a, b)).toBeLessThan(64)
    expect(a.same()).toBe(1)
  })

  it('brings a newcomer everybody in one exchange, with certificates', async () => {
    const everybody = await people(150)
    const digests = await Promise.all(everybody.map(async (one) => signed(one)))
    const newcomer = await signed(await person())
    const [a, b] = [side('a', [newcomer]), side('b', digests)]
    const bytes = await talk(a, b)
    expect(a.held.size).toBe(151)
    expect(b.held.size).toBe(151)
    expect(hashView(a.claims())).toEqual(hashView(b.claims()))
    console.log(`a newcomer among 150 learns all in ${bytes} bytes`)
  })

  it('merges two halves that went on without each other', async () => {
    const [one, two, three, four] = await people(4)
    if (one === undefined || two === undefined || three === undefined || four === undefined) throw new Error('too few')
    const a = side('a', [await signed(one, { incarnation: 7_000 }), await signed(two), await signed(three)])
    const b = side('b', [await signed(one), await signed(two, {}, { isLeaving: true }), await signed(four)])
    await talk(a, b)
    for (const { held } of [a, b]) {
      expect(held.size).toBe(4)
      expect(held.get(one.id)?.digest.incarnation).toBe(7_000)
      expect(held.get(two.id)?.isLeaving).toBe(true)
    }
  })

  it('hands on what is said of a life that both know, and raises nobody by the word of another', async () => {
    const [bob] = await people(1)
    if (bob === undefined) throw new Error('too few')
    const digest = await signed(bob)
    const a = side('a', [digest])
    const b = side('b', [digest], { [bob.id]: 'dead' })
    await talk(a, b)
    expect(a.claimsHeard).toContainEqual({ peerId: bob.id, state: 'dead', incarnation: digest.digest.incarnation })
    // says that it knows of a newer life, and has no proof of it
    const liar: Frame = {
      is: 'states',
      claims: [{ peerId: bob.id, state: 'alive', incarnation: 999_999 }],
      isAnswer: true,
      isLast: true
    }
    a.claimsHeard.length = 0
    a.exchange.onStates('b', liar)
    expect(a.claimsHeard).toEqual([])
    expect(a.out).toContainEqual({ is: 'digests', digests: [], wanted: [bob.id] })
  })

  it('keeps every message within its bound', async () => {
    const services = Array.from({ length: limits.servicesPerNode }, (_, at) => ({
      name: `service-${'x'.repeat(40)}-${at}`,
      state: 'healthy' as const,
      sinceMs: 1,
      weight: 1
    }))
    const digests = await Promise.all((await people(20)).map(async (one) => signed(one, { services })))
    const [a, b] = [side('a', []), side('b', digests)]
    await talk(a, b) // withLength throws beyond the bound
    expect(a.held.size).toBe(20)
  })
})
