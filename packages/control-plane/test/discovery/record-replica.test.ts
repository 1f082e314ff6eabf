import { beforeEach, describe, expect, it } from 'vitest'
import { createTestNetwork, type TestMember, type TestNetwork } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import { createRecordBook, type RecordBook } from '../../src/discovery/record-book.ts'
import { recordReplica } from '../../src/discovery/record-replica.ts'
import { composePage, mostHeldIds } from '../../src/replication/page.ts'
import type { Replica } from '../../src/replication/interface.ts'
import { recordOf } from './fixture.ts'

const startMs = Date.now()
const minuteMs = 60_000
let network: TestNetwork
let alice: TestMember
let nowMs: number
let revoked: Set<string>

beforeEach(async () => {
  nowMs = startMs
  revoked = new Set()
  network = await createTestNetwork()
  alice = await network.member('alice')
})

const holder = (size = 1024): { book: RecordBook; replica: Replica } => {
  const book = createRecordBook({
    networkId: network.networkId,
    networkKey: network.networkKey,
    now: () => nowMs,
    size,
    isRevoked: ({ name }) => revoked.has(name)
  })
  return { book, replica: recordReplica({ book, now: () => nowMs }) }
}

/** One comparison, which `to` begins. @returns the bytes of items that moved to it */
const compare = async (from: Replica, to: Replica): Promise<number> => {
  if (Buffer.compare(from.digest(), to.digest()) === 0) return 0
  let bytes = 0
  for (const item of composePage(from, to.ids()).items) {
    await to.accept(item, alice.peerId)
    bytes += item.length
  }
  return bytes
}

describe('the records in replication', () => {
  it('bring a member that was away what it lacks, tombstones included, which beat what it has', async () => {
    const [here, away] = [holder(), holder()]
    const first = await recordOf(network, alice, { sequence: 1, issuedMs: nowMs })
    await here.book.accept(first)
    await away.book.accept(first)
    expect(Buffer.compare(here.replica.digest(), away.replica.digest())).toBe(0)
    await here.book.accept(await recordOf(network, alice, { sequence: 2, issuedMs: nowMs, isWithdrawn: true }))
    await compare(here.replica, away.replica)
    expect(away.book.get(alice.peerId)?.isWithdrawn).toBe(true)
    expect(Buffer.compare(here.replica.digest(), away.replica.digest())).toBe(0)
    await expect(away.replica.accept(first, alice.peerId)).rejects.toMatchObject({ code: 'RECORD_STALE' })
  })

  it('do not differ for a refresh', async () => {
    const [here, there] = [holder(), holder()]
    await there.book.accept(await recordOf(network, alice, { sequence: 1, issuedMs: nowMs }))
    nowMs += 200_000
    await here.book.accept(await recordOf(network, alice, { sequence: 2, issuedMs: nowMs }))
    expect(await compare(here.replica, there.replica)).toBe(0)
    nowMs += 7 * minuteMs
    expect(there.replica.ids()).toEqual([])
    await compare(here.replica, there.replica)
    expect(there.book.get(alice.peerId)?.sequence).toBe(2)
  })

  it('end when their author said, however late they are passed on', async () => {
    const [here, there] = [holder(), holder()]
    await here.book.accept(await recordOf(network, alice, { sequence: 1, issuedMs: nowMs }))
    nowMs += 9 * minuteMs
    await compare(here.replica, there.replica)
    expect(there.book.get(alice.peerId)).toBeDefined()
    nowMs += minuteMs + 1
    expect(there.book.get(alice.peerId)).toBeUndefined()
    expect(here.replica.ids()).toEqual([])
    const late = await recordOf(network, alice, { sequence: 2, issuedMs: nowMs - limits.recordTtlMs })
    await expect(there.replica.accept(late, alice.peerId)).rejects.toMatchObject({ code: 'RECORD_EXPIRED' })
  })

  it('leave out the revoked, in the digest within seconds', async () => {
    const [here, there] = [holder(), holder()]
    const record = await recordOf(network, alice, { sequence: 1, issuedMs: nowMs })
    await here.book.accept(record)
    const before = here.replica.digest()
    revoked.add('alice')
    expect(await there.replica.accept(record, alice.peerId)).toBe(false)
    nowMs += 5_000
    expect(here.replica.ids()).toEqual([])
    expect(here.replica.digest()).not.toEqual(before)
  })

  it('are handed on though this node doubts an address in them, and come back only when confirmed', async () => {
    const { book, replica } = holder()
    const record = await recordOf(network, alice, { sequence: 1, issuedMs: nowMs })
    await book.accept(record)
    const before = replica.digest()
    book.forget(alice.peerId)
    expect(book.get(alice.peerId)).toBeUndefined()
    expect(book.all()).toEqual([])
    expect(replica.digest()).toEqual(before)
    expect(replica.ids()).toHaveLength(1)
    await book.accept(record)
    expect(book.get(alice.peerId)).toBeDefined()
  })

  it('are held up to the room of the book, and not asked for beyond it', async () => {
    const { book, replica } = holder(4)
    expect(mostHeldIds).toBeGreaterThan(1024)
    for (let index = 0; index < 5; index++) {
      expect(replica.mayMove?.()).toBe(index < 4)
      const member = await network.member(`m${index}`)
      await book.accept(await recordOf(network, member, { sequence: 1, issuedMs: nowMs }))
    }
    expect(replica.ids()).toHaveLength(4)
  })

  it('are moved a few times at once, and then every 20 s', () => {
    const { replica } = holder()
    const moves = (): number => Array.from({ length: 20 }, () => replica.mayMove?.()).filter(Boolean).length
    expect(moves()).toBe(8)
    nowMs += 20_000
    expect(moves()).toBe(1)
  })

  it('are looked through once for each change', async () => {
    const { book, replica } = holder()
    await book.accept(await recordOf(network, alice, { sequence: 1, issuedMs: nowMs }))
    expect(replica.digest()).toBe(replica.digest())
  })
})
