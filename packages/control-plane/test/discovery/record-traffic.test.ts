import { describe, expect, it } from 'vitest'
import { createTestNetwork, seededRandom, type TestMember } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import { createRecordBook, type RecordBook } from '../../src/discovery/record-book.ts'
import { recordReplica } from '../../src/discovery/record-replica.ts'
import { composeDelivery, composePage } from '../../src/replication/page.ts'
import { encodeAnswer, encodeDelivery, encodeRequest } from '../../src/replication/sync-message.ts'
import { stateOf } from '../replication/replicas.ts'
import { recordOf } from './fixture.ts'
import type { Replica } from '../../src/replication/interface.ts'

const seed = Number(process.env['MESH_SEED'] ?? 1)
/** `MESH_NODES=100` for one more size. */
const more = process.env['MESH_NODES'] === undefined ? [] : [Number(process.env['MESH_NODES'])]
const runMs = 700_000
const holders = 20

interface Node {
  member: TestMember
  book: RecordBook
  replica: Replica
  dueMs: number
  sequence: number
  compareMs: number
}

/** What one comparison costs, in both directions. */
const compare = async (from: Node, to: Node): Promise<number> => {
  const [asking, asked] = [from.replica, to.replica]
  if (Buffer.compare(asking.digest(), asked.digest()) === 0 || asking.mayMove?.() === false) return 0
  const request = encodeRequest(stateOf(asking), asking.ids())
  const page = composePage(asked, asking.ids())
  const delivery = composeDelivery(asking, page.wanted)
  for (const item of page.items) await asking.accept(item, to.member.peerId).catch(() => false)
  for (const item of delivery.items) await asked.accept(item, from.member.peerId).catch(() => false)
  return request.length + encodeAnswer(stateOf(asked), page).length + encodeDelivery(delivery.items).length
}

/** Virtual time; the DHT brings a refresh to 20 holders, gossip to all as often as a node announces it. */
const measure = async (count: number): Promise<{ bytesPerSecond: number; known: number }> => {
  const random = seededRandom(seed)
  const network = await createTestNetwork()
  const startMs = Date.now()
  let nowMs = startMs
  const now = (): number => nowMs
  const nodes = await Promise.all(
    Array.from({ length: count }, async (_, index): Promise<Node> => {
      const book = createRecordBook({ networkId: network.networkId, networkKey: network.networkKey, now })
      const dueMs = startMs + random.next() * 200_000 - 200_000
      const compareMs = startMs + random.next() * limits.syncIntervalMs
      const member = await network.member(`m${index}`)
      return { member, book, replica: recordReplica({ book, now }), dueMs, sequence: 1, compareMs }
    })
  )
  let bytes = 0
  for (; nowMs < startMs + runMs; nowMs += 1_000) {
    for (const node of nodes.filter(({ dueMs }) => dueMs <= nowMs)) {
      node.dueMs = nowMs + 200_000 * (0.9 + 0.2 * random.next())
      const record = await recordOf(network, node.member, { sequence: node.sequence++, issuedMs: nowMs })
      const isGossiped = node.sequence === 2 || random.next() * count < 20
      const told = isGossiped ? nodes : [node, ...random.shuffle(nodes).slice(0, holders)]
      for (const { book } of told) await book.accept(record)
    }
    for (const node of nodes.filter(({ compareMs }) => compareMs <= nowMs)) {
      node.compareMs = nowMs + limits.syncIntervalMs * (0.75 + 0.5 * random.next())
      bytes += await compare(node, random.pick(nodes.filter((other) => other !== node)))
    }
  }
  const known = nodes.reduce((sum, { book }) => sum + book.all().length, 0) / count
  // both ends send and receive them
  return { bytesPerSecond: (2 * bytes) / count / (runMs / 1000), known }
}

describe(`the records of a mesh in virtual time (seed ${seed})`, () => {
  it.each([10, 20, 40, ...more])(
    '%d members know each other at a bounded cost',
    async (count) => {
      const { bytesPerSecond, known } = await measure(count)
      console.log(
        `${count} members: replication of records moves ${bytesPerSecond.toFixed(0)} bytes/s at each of them, ` +
          `who knows ${((100 * known) / count).toFixed(1)} % of the others' records`
      )
      expect(known / count).toBeGreaterThan(0.99)
      expect(bytesPerSecond).toBeLessThan(1_000)
    },
    300_000
  )
})
