import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestNetwork, type TestMember, type TestNetwork } from '@agent-mesh/testkit'
import { adminGroup, sealPolicy, sealRevocation } from '@agent-mesh/identity'
import { PolicyKeeper, type PolicyFork } from '../../src/policy/policy-keeper.ts'
import { guardByRevocations } from '../../src/revocation/revocation-guard.ts'
import { createRevocationKeeper, type RevocationKeeper } from '../../src/revocation/revocation-keeper.ts'
import {
  connect,
  connectAll,
  disconnect,
  startMember,
  stopMembers,
  until,
  type SyncMember
} from '../replication/member.ts'

let network: TestNetwork
beforeEach(async () => {
  network = await createTestNetwork()
})
afterEach(stopMembers)

const nowhere = { load: async () => [], save: async () => {} }

interface Judge extends SyncMember {
  revocations: RevocationKeeper
  policy: PolicyKeeper
  forks: PolicyFork[]
}

/** A member that holds revocations and a policy, and puts out whom they hit. */
const startJudge = async (member: TestMember): Promise<Judge> => {
  const { networkKey } = network
  const revocations = createRevocationKeeper({ networkKey, store: nowhere })
  const forks: PolicyFork[] = []
  const policy = new PolicyKeeper({
    networkKey,
    signaturesNeeded: () => 1,
    store: { load: async () => undefined, save: async () => {} },
    now: Date.now,
    isRevoked: revocations.isRevoked,
    onFork: (fork) => forks.push(fork)
  })
  const started = await startMember(network, member, { replicas: [revocations, policy] })
  guardByRevocations({ keeper: revocations, admission: started.host.libp2p.services.admission })
  return Object.assign(started, { revocations, policy, forks })
}

const sidesOf = async (): Promise<[Judge, Judge, Judge, Judge]> => {
  const groups = [adminGroup]
  const [a, b] = [await network.member('admin-a', { groups }), await network.member('admin-b', { groups })]
  const judges: [Judge, Judge, Judge, Judge] = [
    await startJudge(a),
    await startJudge(await network.member('near-a')),
    await startJudge(b),
    await startJudge(await network.member('near-b'))
  ]
  await connectAll(judges)
  for (const left of judges.slice(0, 2)) for (const right of judges.slice(2)) await disconnect(left, right)
  return judges
}

const revoke = async (admin: Judge, who: TestMember): Promise<void> => {
  const { privateKey, chain } = admin.member
  const { networkKey } = network
  await admin.revocations.add(
    await sealRevocation({ networkKey, peerId: who.peerId, revokedMs: Date.now() }, privateKey, chain)
  )
  admin.replication.announce('revocations')
}

const push = async (admin: Judge, version: number, source: string): Promise<void> => {
  const { networkKey } = network
  const bytes = await sealPolicy(
    { source, version, issuedMs: Date.now(), networkKey },
    admin.member.privateKey,
    admin.member.chain
  )
  await admin.policy.accept(bytes)
  admin.replication.announce('policy')
}

const grant = (from: string): string => `grants:\n  - {from: "name:${from}", to: members, services: '*'}\n`

describe('a partition', () => {
  it('in which two admins revoke different members leaves both revocations everywhere', async () => {
    const [a, nearA, b, nearB] = await sidesOf()
    const [mallory, trudy] = [await network.member('mallory'), await network.member('trudy')]
    await revoke(a, mallory)
    await revoke(b, trudy)
    await until(() => nearA.revocations.list().length === 1 && nearB.revocations.list().length === 1)
    await connect(nearA, nearB)
    await until(() => [a, nearA, b, nearB].every(({ revocations }) => revocations.list().length === 2))
    const digests = new Set(
      [a, nearA, b, nearB].map(({ revocations }) => Buffer.from(revocations.digest()).toString('hex'))
    )
    expect(digests.size).toBe(1)
  })

  it('ends with the revoked member put out on the other side within two seconds of its end', async () => {
    const [a, nearA, , nearB] = await sidesOf()
    const mallory = await startJudge(await network.member('mallory'))
    await connect(mallory, nearB)
    await revoke(a, mallory.member)
    await until(() => nearA.revocations.list().length === 1)
    expect(nearB.host.libp2p.services.admission.has(mallory.member.peerId)).toBe(true)
    await connect(nearA, nearB)
    const healedMs = performance.now()
    const { libp2p } = nearB.host
    await until(() => !libp2p.services.admission.has(mallory.member.peerId))
    await until(() => libp2p.getConnections(mallory.member.peerId).length === 0)
    expect(performance.now() - healedMs).toBeLessThan(2_000)
  })

  it('in which two policies got one version leaves the same one in force everywhere, and the fork is told', async () => {
    const [a, nearA, b, nearB] = await sidesOf()
    await push(a, 1, grant('one'))
    await push(b, 1, grant('other'))
    await until(() => nearA.policy.version() === 1 && nearB.policy.version() === 1)
    await connect(nearA, nearB)
    const all = [a, nearA, b, nearB]
    const hashes = (): Set<string> => new Set(all.map(({ policy }) => policy.status().hash ?? ''))
    await until(() => hashes().size === 1)
    expect(all.flatMap(({ forks }) => forks).length).toBeGreaterThan(0)
    expect(all.some(({ policy }) => policy.status().hasFork)).toBe(true)
    await push(b, 2, grant('other'))
    await until(() => all.every(({ policy }) => policy.version() === 2 && !policy.status().hasFork))
  })
})
