import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRevocationKeeper, type RevocationKeeper } from '@agent-mesh/control-plane'
import { openSuccession, sealSuccession, verifyChain, type Membership } from '@agent-mesh/identity'
import { createTestNetwork, type TestMember } from '@agent-mesh/testkit'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { Issuance } from '../../src/daemon/issuance.ts'
import { Renewals } from '../../src/daemon/renewals.ts'
import { Revocations } from '../../src/daemon/revocations.ts'
import { stateFiles } from '../../src/state/documents.ts'
import { revocationStore } from '../../src/state/revocation-store.ts'

const dayMs = 24 * 3_600_000
const network = await createTestNetwork()
const { networkKey, networkId } = network
const delegateKey = await generateKeyPair('Ed25519')
const delegate = await network.member('delegate', { privateKey: delegateKey, mayAdmit: true, groups: ['ci'] })

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-renewals-'))
})
afterEach(async () => rm(folder, { recursive: true }))

interface Issuer {
  renewals: Renewals
  issuance: Issuance
  keeper: RevocationKeeper
}

/** What a member that may admit, without the root key, says to those who ask. */
const issuerOf = async (member: TestMember, key: Ed25519PrivateKey, nowMs: () => number): Promise<Issuer> => {
  const files = stateFiles(folder)
  const membership = await verifyChain(member.chain, networkKey, undefined)
  const credentials = { key, networkKey, networkId, membership }
  const keeper = createRevocationKeeper({ networkKey, store: revocationStore(files), now: nowMs })
  const issuance = new Issuance({ credentials, files, revocations: keeper, holdersOf: async () => [], now: nowMs })
  const revocations = new Revocations({
    credentials,
    keeper,
    issuance,
    known: () => [],
    nameOf: () => undefined,
    findName: async () => [],
    announce: () => {},
    now: nowMs
  })
  return { renewals: new Renewals({ credentials, issuance, keeper, revocations, now: nowMs }), issuance, keeper }
}

const membershipOf = async ({ chain }: TestMember): Promise<Membership> => verifyChain(chain, networkKey, undefined)

describe('a delegate', () => {
  const atMs = Date.now()

  it('renews whom it admitted, within its own groups, for no longer than its own certificate', async () => {
    const { renewals } = await issuerOf(delegate, delegateKey, () => atMs)
    const [from, to] = [atMs - 20 * dayMs, atMs + 5 * dayMs]
    const times = { notBeforeMs: from, notAfterMs: to }
    const own = await membershipOf(await network.member('bob', { ...times, groups: ['ci'], issuer: delegate }))
    const { chain } = await renewals.answer({ is: 'renewal', membership: own })
    const renewed = await verifyChain(chain, networkKey, atMs)
    expect(renewed).toMatchObject({ name: 'bob', groups: ['ci'], mayAdmit: false, isIssuedByRoot: false })
    expect(renewed.notAfterMs).toBeGreaterThan(own.notAfterMs)
    expect(renewed.notAfterMs).toBeLessThanOrEqual((await membershipOf(delegate)).notAfterMs)
    const rooted = await membershipOf(await network.member('carol', { ...times, groups: ['ci'] }))
    await expect(renewals.answer({ is: 'renewal', membership: rooted })).rejects.toMatchObject({ code: 'NOT_ISSUER' })
    const foreign = await membershipOf(await network.member('dora', { ...times, groups: ['ops'] }))
    await expect(renewals.answer({ is: 'renewal', membership: foreign })).rejects.toMatchObject({ code: 'NOT_ISSUER' })
  })

  it('lets a member of the root go on in the last tenth, without its right to admit', async () => {
    const { renewals } = await issuerOf(delegate, delegateKey, () => atMs)
    const times = { notBeforeMs: atMs - 29 * dayMs, notAfterMs: atMs + dayMs }
    const last = await membershipOf(await network.member('erin', { ...times, groups: ['ci'], mayAdmit: true }))
    const { chain } = await renewals.answer({ is: 'renewal', membership: last })
    expect(await verifyChain(chain, networkKey, atMs)).toMatchObject({ name: 'erin', mayAdmit: false })
    const ops = await membershipOf(await network.member('fred', { ...times, groups: ['ops'] }))
    await expect(renewals.answer({ is: 'renewal', membership: ops })).rejects.toMatchObject({ code: 'NOT_ISSUER' })
  })

  it('revokes an old key by the word of both of its owners, once it certified the new one, and nobody else', async () => {
    const { renewals, keeper, issuance } = await issuerOf(delegate, delegateKey, () => atMs)
    const [key, nextKey] = [await generateKeyPair('Ed25519'), await generateKeyPair('Ed25519')]
    const bob = await network.member('bob', { privateKey: key, groups: ['ci'], issuer: delegate })
    const membership = await membershipOf(bob)
    const seal = async (newKey: Ed25519PrivateKey, oldKey: Ed25519PrivateKey) => {
      const newPeer = peerIdFromPrivateKey(newKey)
      const bytes = await sealSuccession({ networkKey, newPeer, timeMs: atMs }, oldKey)
      return openSuccession(bytes, { networkKey, nowMs: atMs })
    }
    const succession = await seal(nextKey, key)
    const code = 'NOT_ISSUER'
    await expect(renewals.answer({ is: 'stored', membership, succession })).rejects.toMatchObject({ code })
    const { chain } = await renewals.answer({ is: 'succession', membership, succession })
    const next = await verifyChain(chain, networkKey, atMs)
    expect(next).toMatchObject({ name: 'bob', groups: ['ci'] })
    expect(keeper.list()).toEqual([])
    // not taken up yet: the old key is still bob, for its issuer too
    await expect(issuance.issue({ peerId: bob.peerId, name: 'bob', groups: ['ci'] })).resolves.toHaveLength(2)
    const stranger = await generateKeyPair('Ed25519')
    const other = await seal(nextKey, stranger)
    await expect(renewals.answer({ is: 'stored', membership: next, succession: other })).rejects.toMatchObject({ code })
    await expect(renewals.answer({ is: 'stored', membership: next, succession })).resolves.toMatchObject({ chain: [] })
    expect(keeper.list()).toMatchObject([{ right: 'delegate', succession: { timeMs: atMs } }])
    expect(keeper.isRevoked(membership)).toBe(true)
    expect(keeper.isRevoked(next)).toBe(false)
    // told once more, by whom did not hear the answer
    await renewals.answer({ is: 'stored', membership: next, succession })
    expect(keeper.list()).toHaveLength(1)
  })

  it('revokes an old key once, though its last word comes after that of the new one', async () => {
    const { renewals, keeper, issuance } = await issuerOf(delegate, delegateKey, () => atMs)
    const [key, nextKey] = [await generateKeyPair('Ed25519'), await generateKeyPair('Ed25519')]
    const first = await issuance.issue({ peerId: peerIdFromPrivateKey(key), name: 'bob', groups: ['ci'] })
    const membership = await verifyChain(first, networkKey, atMs)
    const bytes = await sealSuccession({ networkKey, newPeer: peerIdFromPrivateKey(nextKey), timeMs: atMs }, key)
    const succession = await openSuccession(bytes, { networkKey, nowMs: atMs })
    const { chain } = await renewals.answer({ is: 'succession', membership, succession })
    const next = await verifyChain(chain, networkKey, atMs)
    const { afterwards } = await renewals.answer({ is: 'stored', membership, succession })
    await Promise.all([
      afterwards?.(),
      renewals.answer({ is: 'stored', membership: next, succession }),
      renewals.answer({ is: 'stored', membership: next, succession })
    ])
    expect(keeper.list()).toHaveLength(1)
  })
})
