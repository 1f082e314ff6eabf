/**
 * Lookups grow with the logarithm of the network, and survive the loss of 30 % of it at once: at least 95 % of the
 * records are found right after it, and all of them after one republication.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { createTestNetwork, seededRandom, type SeededRandom } from '@agent-mesh/testkit'
import {
  connect,
  forgetOthers,
  signal,
  startNode,
  stopNodes,
  until,
  type TestNode
} from '../../packages/control-plane/test/discovery/node.ts'
import { recordKeyBytes } from '../../packages/control-plane/src/discovery/record.ts'
import { inForm } from './harness/form.ts'
import { quantile } from './harness/overlay.ts'

const seed = Number(process.env['MESH_SEED'] ?? 1)
const sizes = inForm({ short: [8, 16, 32], full: [8, 16, 32, 64, 128, 256] })
const lookups = inForm({ short: 40, full: 200 })
const lostShare = 0.3
/** Hosts that are started, or publish, at the same time. */
const together = 8

afterEach(stopNodes, 120_000)

const inBatches = async <T>(items: readonly T[], task: (item: T) => Promise<unknown>): Promise<void> => {
  for (let at = 0; at < items.length; at += together) await Promise.all(items.slice(at, at + together).map(task))
}

/** A process with hundreds of hosts is late for its own handshakes; that is the test, not the mesh. */
const connectInTheEnd = async (from: TestNode, to: TestNode, tries = 5): Promise<void> => {
  try {
    await connect(from, to)
  } catch (err) {
    if (tries <= 1) throw err
    await connectInTheEnd(from, to, tries - 1)
  }
}

/** Hosts with admission, a DHT and discovery, and nothing else: no gossip and no replication helps them. */
const startAll = async (count: number, random: SeededRandom): Promise<TestNode[]> => {
  const network = await createTestNetwork()
  const nodes: TestNode[] = []
  await inBatches(
    Array.from({ length: count }, (_, index) => index),
    async (index) => nodes.push(await startNode(network, `member-${index}`))
  )
  // each dials some at random, as upkeep does
  for (const [index, node] of nodes.entries()) {
    for (const other of random.shuffle(nodes.slice(0, index)).slice(0, 4)) await connectInTheEnd(node, other)
  }
  await until(() => nodes.every(({ dht }) => dht.routingTable.size >= Math.min(8, count - 1)), 120_000)
  return nodes
}

const publishAll = async (nodes: TestNode[]): Promise<void> =>
  inBatches(nodes, async ({ discovery, plain }) => discovery.publish(plain()))

interface Walk {
  hops: number
  messages: number
}

/** A query of the DHT until somebody has the record. A peer that nobody named is one hop away. */
const walk = async (from: TestNode, to: TestNode): Promise<Walk | undefined> => {
  const depths = new Map<string, number>()
  const done = new AbortController()
  let messages = 0
  try {
    const key = recordKeyBytes(from.networkId, to.member.peerId)
    for await (const event of from.dht.get(key, { signal: AbortSignal.any([signal(10_000), done.signal]) })) {
      if (event.name === 'SEND_QUERY') messages++
      if (event.name === 'VALUE') return { hops: depths.get(event.from.toString()) ?? 0, messages }
      if (event.name !== 'PEER_RESPONSE') continue
      const peer = event.from.toString()
      const depth = depths.get(peer) ?? (from.member.peerId.equals(event.from) ? 0 : 1)
      depths.set(peer, depth)
      for (const { id } of event.closer) if (!depths.has(id.toString())) depths.set(id.toString(), depth + 1)
      if (event.record !== undefined) return { hops: depth, messages }
    }
  } catch {
    return undefined
  } finally {
    done.abort()
  }
  return undefined
}

const mean = (numbers: number[]): number => numbers.reduce((sum, one) => sum + one, 0) / numbers.length

const pairs = (nodes: TestNode[], random: SeededRandom): Array<[TestNode, TestNode]> =>
  Array.from({ length: lookups }, () => {
    const from = random.pick(nodes)
    return [from, random.pick(nodes.filter((node) => node !== from))]
  })

/** Share of the records that are found as every part of a node would look for them, none of them known before. */
const successOf = async (nodes: TestNode[], random: SeededRandom): Promise<{ share: number; times: number[] }> => {
  let found = 0
  const times: number[] = []
  for (const [from, to] of pairs(nodes, random)) {
    forgetOthers(from)
    const startedMs = performance.now()
    const record = await from.discovery.record(to.member.peerId, { signal: signal(10_000) }).catch(() => undefined)
    times.push(performance.now() - startedMs)
    if (record?.peerId.equals(to.member.peerId) === true) found++
  }
  return { share: found / lookups, times }
}

describe(`lookups in a growing network (seed ${seed})`, () => {
  it.each(sizes)(
    '%d nodes',
    async (count) => {
      const random = seededRandom(seed + count)
      const nodes = await startAll(count, random)
      await publishAll(nodes)
      const walks: Walk[] = []
      for (const [from, to] of pairs(nodes, random)) {
        const one = await walk(from, to)
        if (one !== undefined) walks.push(one)
      }
      const [hops, messages] = [walks.map((one) => one.hops), walks.map((one) => one.messages)]

      const lost = random.shuffle(nodes).slice(0, Math.round(lostShare * count))
      const living = nodes.filter((node) => !lost.includes(node))
      await Promise.all(lost.map(async (node) => node.stop()))
      const before = await successOf(living, random)
      await publishAll(living)
      const after = await successOf(living, random)
      console.log(
        `${String(count).padStart(4)} nodes, log2 ${Math.log2(count).toFixed(0)}: ` +
          `hops ${mean(hops).toFixed(2)} (p99 ${quantile(hops, 0.99)}), messages ${mean(messages).toFixed(1)} ` +
          `(p99 ${quantile(messages, 0.99)}); ${lost.length} lost at once: ` +
          `${(100 * before.share).toFixed(1)} % found, p50 ${quantile(before.times, 0.5).toFixed(0)} ms, ` +
          `p99 ${quantile(before.times, 0.99).toFixed(0)} ms; republished: ${(100 * after.share).toFixed(1)} %`
      )
      expect(walks.length).toBe(lookups)
      expect(quantile(hops, 0.99)).toBeLessThanOrEqual(Math.ceil(Math.log2(count)))
      expect(before.share).toBeGreaterThanOrEqual(0.95)
      expect(after.share).toBe(1)
    },
    600_000
  )
})
