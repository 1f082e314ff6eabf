import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestNetwork, type TestMember, type TestNetwork } from '@agent-mesh/testkit'
import { PolicyKeeper, type Holder } from '@agent-mesh/control-plane'
import { verifyChain, type PolicyDirectory } from '@agent-mesh/identity'
import { Policies, type PoliciesInit } from '../../src/daemon/policies.ts'
import type { Ed25519PrivateKey } from '@libp2p/interface'

const nowMs = 1_790_000_000_000
const source = 'grants:\n  - {from: bob, to: alice, services: web}  # who\n'
const file = 'policy.yaml'

let network: TestNetwork
let alice: TestMember
let bob: TestMember
let carol: TestMember
let directory: PolicyDirectory
let announced = 0
let holders: Holder[] = []

beforeAll(async () => {
  network = await createTestNetwork()
  const terms = { groups: ['admin'], notBeforeMs: nowMs - 1000 }
  ;[alice, bob, carol] = [
    await network.member('alice', terms),
    await network.member('bob', terms),
    await network.member('carol', { ...terms, groups: [] })
  ]
  directory = {
    members: [alice, bob, carol].map(({ name, peerId }) => ({ name, peerId: peerId.toString(), groups: [] }))
  }
})
beforeEach(() => {
  announced = 0
  holders = []
})

/** A node of a member, of a network that asks for so many signatures. */
const nodeOf = async (member: TestMember, needed = 1, init: Partial<PoliciesInit> = {}) => {
  const { networkKey } = network
  let kept: Uint8Array | undefined
  const membership = { ...(await verifyChain(member.chain, networkKey, nowMs)), policySignatures: needed }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- createTestNetwork makes Ed25519 keys alone
  const key = member.privateKey as Ed25519PrivateKey
  const keeper = new PolicyKeeper({
    networkKey,
    signaturesNeeded: () => needed,
    store: { load: async () => kept, save: async (bytes) => void (kept = bytes) },
    now: () => nowMs
  })
  const policies = new Policies({
    credentials: () => ({ key, membership, networkKey }),
    keeper,
    directory: async () => directory,
    holders: () => holders,
    members: () => [bob.peerId, carol.peerId],
    nameOf: (peer) => directory.members.find(({ peerId }) => peerId === peer.toString())?.name,
    announce: () => void announced++,
    now: () => nowMs,
    ...init
  })
  return { keeper, policies }
}

describe('policy push', () => {
  it('numbers, signs, puts in force and tells of a file, its kinds written down', async () => {
    const { policies } = await nodeOf(alice)
    expect(await policies.push({ source, file })).toMatchObject({ version: 1, warnings: [] })
    expect((await policies.push({ source, file })).version).toBe(2)
    expect(announced).toBe(2)
    expect(policies.show()).toMatchObject({
      version: 2,
      issuedMs: nowMs,
      signers: [{ name: 'alice' }],
      source: 'grants:\n  - {from: name:bob, to: name:alice, services: web}  # who\n'
    })
  })

  it('is for admins', async () => {
    const { policies, keeper } = await nodeOf(carol)
    await expect(policies.push({ source, file })).rejects.toMatchObject({ code: 'NOT_ADMIN' })
    expect([keeper.version(), announced]).toEqual([0, 0])
  })

  it('signs with the root key where it is at hand', async () => {
    const membership = await verifyChain(carol.chain, network.networkKey, nowMs)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above
    const [key, rootKey] = [carol.privateKey as Ed25519PrivateKey, network.rootKey as Ed25519PrivateKey]
    const { networkKey } = network
    const { policies } = await nodeOf(carol, 1, { credentials: () => ({ key, rootKey, membership, networkKey }) })
    await policies.push({ source, file })
    expect(policies.show().signers).toMatchObject([{ name: '' }])
  })

  it('waits where the version in force was lost with the disk, until a member brings it', async () => {
    const { policies: other, keeper: whole } = await nodeOf(bob)
    await other.push({ source, file })
    const keeper = new PolicyKeeper({
      networkKey: network.networkKey,
      signaturesNeeded: () => 1,
      store: { load: async () => Uint8Array.of(1), save: async () => {} },
      now: () => nowMs
    })
    await keeper.load()
    const { policies } = await nodeOf(alice, 1, { keeper })
    await expect(policies.push({ source, file })).rejects.toMatchObject({ code: 'STATE_DAMAGED' })
    await keeper.accept(whole.bytes ?? new Uint8Array())
    expect((await policies.push({ source, file })).version).toBe(2)
  })

  it('refuses what the check refuses', async () => {
    const { policies, keeper } = await nodeOf(alice)
    const wrong = source.replace('bob', 'bbo')
    for (const verb of ['check', 'sign', 'push'] as const) {
      await expect(policies[verb]({ source: wrong, file })).rejects.toMatchObject({
        code: 'POLICY_INVALID',
        message: 'policy.yaml:2:12: "bbo" is neither a known member nor a known group; did you mean bob.'
      })
    }
    expect(keeper.version()).toBe(0)
  })
})

describe('policy sign', () => {
  it('gathers signatures until there are enough, and the last admin may push', async () => {
    const [first, second] = [await nodeOf(alice, 2), await nodeOf(bob, 2)]
    await expect(first.policies.push({ source, file })).rejects.toMatchObject({
      code: 'POLICY_REFUSED',
      message: '1 of 2 admins have signed policy.yaml.'
    })
    const one = await first.policies.sign({ source, file })
    expect(one).toMatchObject({ version: 1, signers: [alice.peerId.toString()], signaturesNeeded: 2 })
    await expect(first.policies.push({ signed: one.signed, file })).rejects.toMatchObject({ code: 'POLICY_REFUSED' })
    expect(await second.policies.push({ signed: one.signed, file })).toMatchObject({ version: 1 })
    expect(second.policies.show().signers).toMatchObject([{ name: 'alice' }, { name: 'bob' }])
    const two = second.keeper.bytes ?? new Uint8Array()
    expect(await first.policies.push({ signed: two, file })).toMatchObject({ version: 1 })
    await expect(first.policies.push({ signed: one.signed, file })).rejects.toMatchObject({ code: 'POLICY_OUTDATED' })
  })

  it('looks at the source of what somebody else has signed', async () => {
    const [first, second] = [await nodeOf(alice, 2), await nodeOf(bob, 2)]
    const { signed } = await first.policies.sign({ source, file })
    expect(await second.policies.check({ signed, file })).toEqual({ grants: 1, tests: 0, groups: 0, warnings: [] })
    const strict = await nodeOf(bob, 2, { now: () => nowMs + 1e12 })
    const ending = `grants: [{from: bob, to: alice, services: web, until: ${new Date(nowMs + 1000).toISOString()}}]`
    const late = await first.policies.sign({ source: ending, file })
    await expect(strict.policies.sign({ signed: late.signed, file })).rejects.toMatchObject({ code: 'POLICY_INVALID' })
  })
})

const hears = (
  peer: TestMember,
  digest: Uint8Array,
  version: number,
  sinceMs: number,
  metMs = nowMs - 60_000
): Holder => ({ peer: peer.peerId, digest, version, sinceMs, metMs })

describe('policy status', () => {
  it('says who holds what, and how long the last one took to reach everybody', async () => {
    const { policies, keeper } = await nodeOf(alice)
    await policies.push({ source, file })
    expect(policies.status().holders).toMatchObject([
      { name: 'bob', version: 0, isCurrent: false },
      { name: 'carol', version: 0, isCurrent: false }
    ])
    expect(policies.status().convergedMs).toBeUndefined()
    holders = [hears(bob, keeper.digest(), 1, nowMs + 40), hears(carol, new Uint8Array(32), 1, nowMs + 30)]
    expect(policies.status().convergedMs).toBeUndefined()
    holders = [hears(bob, keeper.digest(), 1, nowMs + 40), hears(carol, keeper.digest(), 1, nowMs + 70)]
    expect(policies.status()).toMatchObject({ version: 1, convergedMs: 70 })
    expect(policies.status()).not.toHaveProperty('source')
  })

  it('counts members that it is not connected to, and not who joined an hour later', async () => {
    const { policies, keeper } = await nodeOf(alice, 1, { members: () => [bob.peerId] })
    await policies.push({ source, file })
    const hourMs = 3_600_000
    holders = [hears(bob, keeper.digest(), 1, nowMs + 40), hears(carol, keeper.digest(), 1, nowMs + 90)]
    expect(policies.status().convergedMs).toBe(90)
    holders = [
      hears(bob, keeper.digest(), 1, nowMs + 40),
      hears(carol, keeper.digest(), 1, nowMs + hourMs, nowMs + hourMs)
    ]
    expect(policies.status().convergedMs).toBe(40)
    // one that was there and took an hour
    holders = [hears(bob, keeper.digest(), 1, nowMs + 40), hears(carol, keeper.digest(), 1, nowMs + hourMs)]
    expect(policies.status().convergedMs).toBe(hourMs)
  })

  it('does not wait for members that are away, yet shows them', async () => {
    const { policies, keeper } = await nodeOf(alice, 1, { members: () => [bob.peerId] })
    await policies.push({ source, file })
    holders = [hears(bob, keeper.digest(), 1, nowMs + 40), hears(carol, new Uint8Array(32), 0, nowMs - 5000)]
    const { convergedMs, holders: shown } = policies.status()
    expect(convergedMs).toBe(40)
    expect(shown.map(({ name, isCurrent }) => [name, isCurrent])).toEqual([
      ['bob', true],
      ['carol', false]
    ])
  })
})
