import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { issueCertificate, sealEnvelope, sealSuccession, verifyChain } from '@agent-mesh/identity'
import { createTestNetwork } from '@agent-mesh/testkit'
import { cases, mutate, seed, seededRandom } from '@agent-mesh/testkit/mutations'
import { MeshError } from '@agent-mesh/wire'
import {
  encodeRenewal,
  encodeRenewed,
  openRenewal,
  openRenewed,
  openStored,
  type RenewalPlea
} from '../../src/admission/renew-message.ts'

const dayMs = 24 * 3_600_000
const nowMs = Date.now()
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const network = await createTestNetwork()
const foreign = await createTestNetwork()
const { networkKey } = network
const [key, nextKey, strangerKey] = [
  await generateKeyPair('Ed25519'),
  await generateKeyPair('Ed25519'),
  await generateKeyPair('Ed25519')
]
const delegate = await network.member('delegate', { mayAdmit: true, groups: ['ci'] })
const bob = await network.member('bob', { privateKey: key, groups: ['ci'], notBeforeMs: nowMs - 20 * dayMs })
const membership = await verifyChain(bob.chain, networkKey, nowMs)
const [peerId, nextPeer] = [peerIdFromPrivateKey(key), peerIdFromPrivateKey(nextKey)]
const nextMembership = { ...membership, peerId: nextPeer }

/** Nobody looks at a hundred thousand stacks. */
const { stackTraceLimit } = Error
beforeAll(() => void (Error.stackTraceLimit = 0))
afterAll(() => void (Error.stackTraceLimit = stackTraceLimit))

const graft = (a: Uint8Array, b: Uint8Array, at: number): Uint8Array =>
  Buffer.concat([a.subarray(0, at), b.subarray(at)])

const succession = await sealSuccession({ networkKey, newPeer: nextPeer, timeMs: nowMs }, key)

/** What nobody may say in the name of bob. */
const forgedSuccessions: Uint8Array[] = [
  await sealSuccession({ networkKey, newPeer: nextPeer, timeMs: nowMs }, strangerKey),
  await sealSuccession({ networkKey: foreign.networkKey, newPeer: nextPeer, timeMs: nowMs }, key),
  await sealSuccession({ networkKey, newPeer: nextPeer, timeMs: nowMs + dayMs }, key),
  await sealSuccession({ networkKey, newPeer: peerId, timeMs: nowMs }, key),
  await sealEnvelope('certificate', new Uint8Array(40), key)
]

const chainFor = async (name: string, options: Parameters<typeof network.member>[1]): Promise<Uint8Array[]> =>
  (await network.member(name, { privateKey: key, groups: ['ci'], notBeforeMs: nowMs, ...options })).chain

const renewed = [await chainFor('bob', {}), await chainFor('bob', { issuer: delegate, notAfterMs: nowMs + 20 * dayMs })]

/** Certificates that are no renewal of that of bob. */
const forgedChains: Uint8Array[][] = [
  await chainFor('bob', { privateKey: strangerKey }),
  await chainFor('alice', {}),
  await chainFor('bob', { groups: ['ci', 'admin'] }),
  await chainFor('bob', { groups: [] }),
  await chainFor('bob', { notAfterMs: membership.notAfterMs }),
  await chainFor('bob', { notBeforeMs: nowMs - 40 * dayMs, notAfterMs: nowMs - dayMs }),
  await chainFor('bob', { issuer: bob }),
  await chainFor('bob', { issuer: delegate, mayAdmit: true }),
  (await foreign.member('bob', { privateKey: key, groups: ['ci'], notBeforeMs: nowMs })).chain,
  [await issueCertificate({ networkKey, peerId, name: 'bob', groups: ['ci'], notBeforeMs: nowMs }, strangerKey)],
  []
]

const openRequest = async (bytes: Uint8Array, who = membership): Promise<RenewalPlea> =>
  openRenewal(bytes, { membership: who, networkKey, nowMs })

const openAnswer = async (bytes: Uint8Array) => openRenewed(bytes, { networkKey, nowMs, membership, peerId })

/** Counts what is let through as it was meant; anything else fails the test. */
const judge = (legitimate: Set<string>) => {
  const counts = { same: 0, refused: 0 }
  const run = async (i: number, bytes: Uint8Array, open: () => Promise<string>): Promise<void> => {
    const replay = `MESH_SEED=${seed}, case ${i}: ${hex(bytes)}`
    let text: string
    try {
      text = await open()
    } catch (err) {
      if (!(err instanceof MeshError)) throw new Error(`Something else was thrown. ${replay}`, { cause: err })
      counts.refused++
      return
    }
    if (!legitimate.has(text)) throw new Error(`It was accepted. ${replay}`)
    counts.same++
  }
  return { counts, run }
}

describe('a request to renew', () => {
  it('says what it is, and only for the keys that it is about', async () => {
    expect(await openRequest(encodeRenewal())).toMatchObject({ is: 'renewal' })
    expect(await openRequest(encodeRenewal(succession))).toMatchObject({ is: 'succession' })
    expect(await openRequest(encodeRenewal(succession, true))).toMatchObject({ is: 'stored' })
    expect(await openRequest(encodeRenewal(succession, true), nextMembership)).toMatchObject({ is: 'stored' })
    const code = 'CERTIFICATE_INVALID'
    await expect(openRequest(encodeRenewal(succession), nextMembership)).rejects.toMatchObject({ code })
    await expect(openRequest(encodeRenewal(undefined, true))).rejects.toMatchObject({ code })
    const third = { ...membership, peerId: delegate.peerId }
    for (const isStored of [false, true])
      await expect(openRequest(encodeRenewal(succession, isStored), third)).rejects.toMatchObject({ code })
  })

  it.each(forgedSuccessions.map((forged, index) => [index, forged] as const))(
    'is refused with the forged succession %i',
    async (_, forged) => {
      for (const isStored of [false, true])
        await expect(openRequest(encodeRenewal(forged, isStored))).rejects.toMatchObject({ name: 'MeshError' })
    }
  )
})

describe('an answer to a renewal', () => {
  it('is taken where it is the same again and longer', async () => {
    for (const chain of renewed) expect(await openAnswer(encodeRenewed(chain))).toMatchObject({ name: 'bob' })
    expect(() => openStored(encodeRenewed([]))).not.toThrow()
  })

  it.each(forgedChains.map((chain, index) => [index, chain] as const))('is refused: forgery %i', async (_, chain) => {
    await expect(openAnswer(encodeRenewed(chain))).rejects.toMatchObject({ name: 'MeshError' })
  })
})

describe(`${cases} messages of renewals, changed, grafted and forged`, () => {
  it('make no issuer believe a succession that the old key did not sign', { timeout: 120_000 }, async () => {
    const random = seededRandom(seed + 11)
    // to ask for one's own renewal takes no signature, for the connection says who asks; a stranger may give up its own key
    const meant = [succession, forgedSuccessions[0] ?? succession].map((one) => `stored ${hex(one)}`)
    const { counts, run } = judge(new Set(['renewal', `succession ${hex(succession)}`, ...meant]))
    const valid: [Uint8Array, ...Uint8Array[]] = [encodeRenewal(succession), encodeRenewal(succession, true)]
    const pool: [Uint8Array, ...Uint8Array[]] = [
      ...valid,
      ...forgedSuccessions.flatMap((one) => [encodeRenewal(one), encodeRenewal(one, true)])
    ]
    for (let i = 0; i < cases / 2; i++) {
      const one = random.pick(random.int(4) === 0 ? pool : valid)
      const bytes = random.int(8) === 0 ? graft(one, random.pick(pool), random.int(one.length)) : mutate(one, random)
      await run(i, bytes, async () => {
        const plea = await openRequest(bytes, i % 3 === 0 ? nextMembership : membership)
        return plea.is === 'renewal' ? plea.is : `${plea.is} ${hex(plea.succession.bytes)}`
      })
    }
    expect(counts.same).toBeGreaterThan(0)
    expect(counts.refused).toBeGreaterThan(cases / 4)
  })

  it('make no member take a certificate that is no renewal of its own', { timeout: 120_000 }, async () => {
    const random = seededRandom(seed + 12)
    const { counts, run } = judge(new Set(renewed.map((chain) => chain.map(hex).join())))
    const valid: [Uint8Array, ...Uint8Array[]] = [encodeRenewed(renewed[0] ?? []), encodeRenewed(renewed[1] ?? [])]
    const pool: [Uint8Array, ...Uint8Array[]] = [...valid, ...forgedChains.map((chain) => encodeRenewed(chain))]
    for (let i = 0; i < cases / 2; i++) {
      const one = random.pick(random.int(4) === 0 ? pool : valid)
      const bytes = random.int(8) === 0 ? graft(one, random.pick(pool), random.int(one.length)) : mutate(one, random)
      await run(i, bytes, async () => (await openAnswer(bytes)).chain.map(hex).join())
    }
    expect(counts.same).toBeGreaterThan(0)
    expect(counts.refused).toBeGreaterThan(cases / 4)
  })
})
