import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { createTestNetwork, type TestNetwork } from '@agent-mesh/testkit'
import {
  connect,
  connectAll,
  disconnect,
  gossiping,
  startMember,
  stopMembers,
  until,
  type SyncMember
} from './member.ts'
import { sealed } from './replicas.ts'

let network: TestNetwork
beforeAll(async () => {
  network = await createTestNetwork()
})
afterEach(stopMembers)

/** Never in a test, so that what converges does so by other means. */
const never = { intervalMs: 3_600_000 }

const start = async (count: number): Promise<SyncMember[]> =>
  Promise.all(Array.from({ length: count }, async (_, index) => startMember(network, `member-${index}`, never)))

const startTwo = async (): Promise<[SyncMember, SyncMember]> =>
  Promise.all([startMember(network, 'alice', never), startMember(network, 'bob', never)])

const hold = (members: SyncMember[], items: Uint8Array[]): boolean =>
  members.every(({ set }) => items.every((item) => set.has(item)) && set.size() === items.length)

describe('replication among real members', () => {
  it('moves what differs both ways when two members meet', async () => {
    const [alice, bob] = await startTwo()
    alice.document.write(2, 200 * 1024)
    bob.document.write(1)
    const items = [sealed('of alice'), sealed('of bob'), sealed('of both')] as const
    alice.set.add(items[0], items[2])
    bob.set.add(items[1], items[2])
    await connect(alice, bob)
    await until(() => hold([alice, bob], [...items]) && bob.document.version() === 2)
    expect([...alice.refusals, ...bob.refusals]).toEqual([])
  })

  it.each([2, 8])('brings a change to %i members by gossip at once, and all know who holds it', async (count) => {
    const members = await start(count)
    await connectAll(members)
    await gossiping(members, network)
    for (const [index, { document, replication }] of members.entries()) {
      document.write(index + 1, 20 * 1024)
      const startedMs = performance.now()
      replication.announce('document')
      await until(() => members.every((member) => member.document.version() === index + 1))
      expect(performance.now() - startedMs).toBeLessThan(2_000)
    }
    const isKnown = ({ replication }: SyncMember): boolean => {
      const holders = replication.holders('document')
      return holders.length === count - 1 && holders.every(({ version }) => version === count)
    }
    await until(() => members.every(isKnown))
    for (const { peer, sinceMs } of members[0]?.replication.holders('document') ?? []) {
      expect(peer.toString()).not.toBe(members[0]?.member.peerId.toString())
      expect(Date.now() - sinceMs).toBeLessThan(20_000)
    }
  })

  it('reaches members that are not connected to the author', async () => {
    const line = await start(5)
    for (const [index, member] of line.entries()) {
      const next = line[index + 1]
      if (next !== undefined) await connect(member, next)
    }
    await gossiping(line, network)
    line[0]?.document.write(1, 20 * 1024)
    line[0]?.replication.announce('document')
    await until(() => line.every(({ document }) => document.version() === 1), 5_000)
  })

  it('brings a member that was away up to date when it returns', async () => {
    const [alice, bob] = await startTwo()
    await connect(alice, bob)
    await until(() => alice.syncs.length + bob.syncs.length > 0)
    await disconnect(alice, bob)
    alice.document.write(7)
    alice.replication.announce('document')
    expect(bob.document.version()).toBe(0)
    await connect(bob, alice)
    await until(() => bob.document.version() === 7)
  })

  it('gives both sides of a partition the union after it heals', async () => {
    const members = await start(4)
    const [a, b, c, d] = members
    if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('four members')
    await connectAll(members)
    for (const [left, right] of [
      [a, c],
      [a, d],
      [b, c],
      [b, d]
    ] as const)
      await disconnect(left, right)
    const items = ['one', 'two', 'three', 'four'].map(sealed)
    for (const [index, { set, replication }] of members.entries()) {
      set.add(items[index] ?? sealed(''))
      replication.announce('set')
    }
    await until(() => hold([a, b], items.slice(0, 2)) && hold([c, d], items.slice(2)))
    const startedMs = performance.now()
    await connect(b, c)
    await until(() => hold(members, items))
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })

  it(`carries ${limits.revocations} items page by page, half of them each way`, async () => {
    const [alice, bob] = await startTwo()
    for (let index = 0; index < limits.revocations; index++) {
      const half = index % 2 === 0 ? alice : bob
      half.set.add(sealed(`${index} `.padEnd(700, 'x')))
    }
    await connect(alice, bob)
    await until(() => alice.set.size() === limits.revocations && bob.set.size() === limits.revocations, 20_000)
    expect([...alice.refusals, ...bob.refusals]).toEqual([])
    const [report] = [...alice.syncs, ...bob.syncs].filter(({ taken }) => taken > 0)
    expect(report).toMatchObject({ taken: limits.revocations / 2, delivered: limits.revocations / 2 })
  })

  it('compares with one member at random even where nobody announces anything', async () => {
    const [alice, bob] = await Promise.all([
      startMember(network, 'alice', { intervalMs: 300 }),
      startMember(network, 'bob', never)
    ])
    await connect(alice, bob)
    await until(() => alice.syncs.length + bob.syncs.length > 0)
    bob.set.add(sealed('in silence'))
    await until(() => alice.set.has(sealed('in silence')), 5_000)
  })

  it('compares on request, and says where there is nobody to compare with', async () => {
    const [alice, bob] = await startTwo()
    await expect(alice.replication.syncWith(bob.member.peerId)).rejects.toMatchObject({ code: 'CONNECTION_LOST' })
    await connect(alice, bob)
    await until(() => alice.syncs.length + bob.syncs.length > 0)
    bob.document.write(3)
    await alice.replication.syncWith(bob.member.peerId, { signal: AbortSignal.timeout(5_000) })
    expect(alice.document.version()).toBe(3)
    await expect(alice.replication.syncWith(bob.member.peerId, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED'
    })
    alice.replication.stop()
    await expect(alice.replication.syncWith(bob.member.peerId)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' })
  })
})
