/**
 * A member that spams costs the others nothing but its share: 10,000 keys, 1,000 addresses, keys of 64 KiB and 350,000
 * topics leave every table within its limit, and everybody else is found as before.
 */
import { afterEach, expect, it } from 'vitest'
import { multiaddr } from '@multiformats/multiaddr'
import { createHash } from 'node:crypto'
import { createHost, createTestNetwork, seededRandom, type TestHost } from '@agent-mesh/testkit'
import { limits, protocols } from '@agent-mesh/wire'
import { messageStream, type MessageStream } from '../../packages/control-plane/src/admission/message-stream.ts'
import { gossipProtocol } from '../../packages/control-plane/src/gossip/gossip-defaults.ts'
import {
  forgetOthers,
  signal,
  startNodes,
  stopNodes,
  until,
  type TestNode
} from '../../packages/control-plane/test/discovery/node.ts'
import { startMember, stopMembers } from '../../packages/control-plane/test/replication/member.ts'
import type { PeerId } from '@libp2p/interface'
import { inForm } from './harness/form.ts'
import { quantile } from './harness/overlay.ts'
import { addProvider, cidBytes, putValue, subscribe } from './harness/raw-messages.ts'

const seed = Number(process.env['MESH_SEED'] ?? 1)
const { keys, addresses, topics, lookups } = inForm({
  short: { keys: 2_000, addresses: 1_000, topics: 20_000, lookups: 20 },
  full: { keys: 10_000, addresses: 1_000, topics: 350_000, lookups: 200 }
})
const framing = { most: 1024 * 1024, code: 'LIMIT_EXCEEDED', what: 'message of a spammer' } as const
const sha256Code = 0x12
const identityCode = 0
const digestOf = (index: number): Uint8Array => createHash('sha256').update(`spam ${index}`).digest()
const cidOf = (index: number): Uint8Array => cidBytes(sha256Code, digestOf(index))

let spammer: TestHost | undefined
afterEach(async () => {
  await spammer?.stop()
  await stopNodes()
  await stopMembers()
}, 120_000)

const providersOf = async (node: TestNode, peer: string): Promise<number> => {
  let count = 0
  for await (const { key } of node.host.libp2p.services.raw.datastore.query({ prefix: '/dht/provider' }))
    if (key.name() === peer) count++
  return count
}

/** Name of who is found first. */
const firstOf = async (node: TestNode, capability: string): Promise<string | undefined> => {
  forgetOthers(node)
  try {
    for await (const { membership } of node.discovery.find(capability, { signal: signal(10_000), limit: 1 }))
      return membership.name
  } catch {
    // counts as not found
  }
  return undefined
}

const bytesOf = async (node: TestNode): Promise<number> => {
  let bytes = 0
  for await (const { key, value } of node.host.libp2p.services.raw.datastore.query({ prefix: '/dht' }))
    bytes += key.toString().length + value.length
  return bytes
}

it(`a member that spams (seed ${seed})`, async () => {
  const random = seededRandom(seed)
  const network = await createTestNetwork()
  const nodes = await startNodes(network, 5)
  for (const {
    discovery,
    plain,
    member: { name }
  } of nodes)
    await discovery.publish({ ...plain(), capabilities: [`work/of-${name}`] })
  const listener = await startMember(network, 'listener')
  const member = await network.member('mallory')
  const host = await createHost({ network, member, listen: [] })
  spammer = host
  const { admission } = host.libp2p.services
  for (const target of [...nodes.map((node) => node.host.libp2p), listener.host.libp2p]) {
    await host.libp2p.dial(target.getMultiaddrs())
    await admission.wait(target.peerId)
  }
  const victim = nodes[0]
  const id = member.peerId.toMultihash().bytes
  const named = Array.from(
    { length: addresses },
    (_, index) => multiaddr(`/ip4/10.0.${index >> 8}.${index & 255}/tcp/4001`).bytes
  )
  const open = async (protocol: string, target: PeerId): Promise<MessageStream> =>
    messageStream(await host.libp2p.dialProtocol(target, protocol, { signal: AbortSignal.timeout(20_000) }), framing)
  /** @returns how many were sent before the other side would have no more */
  const send = async (protocol: string, target: PeerId, messages: Iterable<Uint8Array>): Promise<number> => {
    let sent = 0
    let stream: MessageStream | undefined
    for (const message of messages) {
      try {
        // what the other side cuts off is opened again, as a spammer would
        stream ??= await open(protocol, target)
        await stream.write(message, AbortSignal.timeout(20_000))
        sent++
      } catch {
        stream = undefined
        if (!host.libp2p.services.admission.has(target)) return sent
      }
    }
    return sent
  }

  const timed = async (): Promise<{ times: number[]; found: number }> => {
    const times: number[] = []
    let found = 0
    for (let index = 0; index < lookups; index++) {
      const [from, to] = [random.pick(nodes), random.pick(nodes)]
      const startedMs = performance.now()
      if ((await firstOf(from, `work/of-${to.member.name}`)) === to.member.name) found++
      times.push(performance.now() - startedMs)
    }
    return { times, found: found / lookups }
  }

  const before = await timed()
  const bytesBefore = await bytesOf(victim)
  const memoryBefore = process.memoryUsage().heapUsed
  const kad = protocols(network.networkId).kad
  const few = named.slice(0, 1)
  const everything = (async () => {
    const shortKeys = await send(
      kad,
      victim.member.peerId,
      Array.from({ length: keys }, (_, index) => addProvider(cidOf(index), id, few))
    )
    const manyAddresses = await send(
      kad,
      victim.member.peerId,
      Array.from({ length: 50 }, (_, index) => addProvider(cidOf(index), id, named.slice(index * 20, index * 20 + 20)))
    )
    const long = cidBytes(identityCode, random.bytes(64 * 1024))
    const longKeys = await send(
      kad,
      victim.member.peerId,
      Array.from({ length: 64 }, () => addProvider(long, id, few))
    )
    const values = await send(
      kad,
      victim.member.peerId,
      Array.from({ length: 64 }, (_, index) =>
        putValue(index % 2 === 0 ? long : Buffer.from(`/agent/${network.networkId}/${index}`), random.bytes(4096))
      )
    )
    const perMessage = 64
    const subscriptions = await send(
      gossipProtocol(network.networkId),
      listener.member.peerId,
      (function* () {
        for (let at = 0; at < topics; at += perMessage)
          yield subscribe(Array.from({ length: perMessage }, (_, index) => `spam-${at + index}`))
      })()
    )
    return { shortKeys, manyAddresses, longKeys, values, topics: subscriptions * perMessage }
  })()
  const during = await timed()
  const sent = await everything
  // what was sent last has arrived when the connection answers again
  await host.libp2p.services.ping.ping(victim.member.peerId)
  await until(() => victim.host.libp2p.services.admission.has(member.peerId))

  const provided = await providersOf(victim, member.peerId.toString())
  const { addresses: known } = await victim.host.libp2p.services.raw.peerStore.get(member.peerId)
  const pubsub: unknown = listener.host.libp2p.services.pubsub
  const known2: unknown = typeof pubsub === 'object' && pubsub !== null ? Reflect.get(pubsub, 'topics') : undefined
  const topicsKnown = known2 instanceof Map ? known2.size : Number.NaN
  const grownBytes = (await bytesOf(victim)) - bytesBefore
  const grownHeap = process.memoryUsage().heapUsed - memoryBefore
  console.log(
    `sent ${JSON.stringify(sent)}; held of it: ${provided} keys, ${known.length} addresses, ${topicsKnown} topics, ` +
      `${grownBytes} bytes; heap of all ${(grownHeap / 2 ** 20).toFixed(0)} MiB more; lookups of others ` +
      `before ${quantile(before.times, 0.5).toFixed(0)} ms (p99 ${quantile(before.times, 0.99).toFixed(0)}), ` +
      `meanwhile ${quantile(during.times, 0.5).toFixed(0)} ms (p99 ${quantile(during.times, 0.99).toFixed(0)}), ` +
      `${(100 * during.found).toFixed(0)} % found`
  )
  expect(sent.shortKeys).toBeGreaterThan(keys / 2)
  expect(provided).toBeLessThanOrEqual(2 * limits.providerKeysPerNode)
  expect(known.length).toBeLessThanOrEqual(2 * limits.addressesPerRecord)
  expect(topicsKnown).toBeLessThanOrEqual(2)
  expect(grownBytes).toBeLessThan(64 * 1024)
  expect(during.found).toBe(1)
  const after = await timed()
  expect(after.found).toBe(1)
}, 300_000)
