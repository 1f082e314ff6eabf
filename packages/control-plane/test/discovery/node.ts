import { sealRevocation, verifyChain, type Membership } from '@agent-mesh/identity'
import { createHost, type MemberServices, type TestHost, type TestMember, type TestNetwork } from '@agent-mesh/testkit'
import { agentDht, peerStoreDefaults, pingDefaults, type AgentDht } from '../../src/discovery/dht.ts'
import { createDiscovery, type DiscoveryInit, type RunningDiscovery } from '../../src/discovery/discovery.ts'
import { createRecordBook, type RecordBook } from '../../src/discovery/record-book.ts'
import { guardByRevocations } from '../../src/revocation/revocation-guard.ts'
import { createRevocationKeeper, type RevocationKeeper } from '../../src/revocation/revocation-keeper.ts'
import { memberOnly } from '../../src/admission/member-only.ts'
import { createDialler, dialParts, type Dialler, type DialParts, type PathDialler } from '../../src/routing/dialler.ts'
import { createPathMemory, type PathMemory } from '../../src/routing/path-memory.ts'
import { createResolver, type Resolver } from '../../src/routing/resolve.ts'
import { Record as StoredRecord, type QueryEvent } from '@libp2p/kad-dht'
import { ping, type Ping } from '@libp2p/ping'
import type { PeerStore } from '@libp2p/interface'
import type { Datastore, Key } from 'interface-datastore'
import { protocols, type NetworkId } from '@agent-mesh/wire'
import type { SelfDescription } from '../../src/discovery/interface.ts'

/** What a test looks at below the views. */
interface RawParts {
  datastore: Datastore
  peerStore: PeerStore
}

type Services = { ping: Ping; dht: AgentDht; dialParts: DialParts; raw: RawParts }

export interface TestNode {
  member: TestMember
  membership: Membership
  networkId: NetworkId
  host: TestHost<Services & MemberServices>
  dht: AgentDht
  book: RecordBook
  revocations: RevocationKeeper
  discovery: RunningDiscovery
  dialler: Dialler & PathDialler
  resolver: Resolver
  paths: PathMemory
  /** Own addresses and nothing else. */
  plain: () => SelfDescription
  stop: () => Promise<void>
}

export interface TestNodeOptions extends Partial<
  Pick<DiscoveryInit, 'sequence' | 'onPublished' | 'onPublishFailed' | 'republishMs'>
> {
  now?: () => number
  listen?: string[]
  /** How long others get for their hello. */
  helloTimeoutMs?: number
  /** Replaces the DHT of this node, such as by one that refuses. */
  dht?: (networkId: NetworkId, book: RecordBook) => (components: Parameters<ReturnType<typeof agentDht>>[0]) => AgentDht
}

const countingSequence = (): DiscoveryInit['sequence'] => {
  let last = 0
  return {
    load: async () => last,
    save: async (sequence) => {
      last = sequence
    }
  }
}

/** Thirty hosts in one process are slow; what is late here is the test, not the peer. */
const slowHelloMs = 30_000

const running: TestNode[] = []

/** A member on 127.0.0.1 with admission, DHT and discovery. Stopped by {@link stopNodes}. */
export const startNode = async (
  network: TestNetwork,
  name: string | TestMember,
  options: TestNodeOptions = {}
): Promise<TestNode> => {
  const {
    now = Date.now,
    dht: other,
    sequence = countingSequence(),
    listen = ['/ip4/127.0.0.1/tcp/0'],
    helloTimeoutMs = slowHelloMs,
    ...events
  } = options
  const member = typeof name === 'string' ? await network.member(name) : name
  const { networkId, networkKey } = network
  const membership = await verifyChain(member.chain, networkKey, now())
  const revocations = createRevocationKeeper({ networkKey, now, store: { load: async () => [], save: async () => {} } })
  const book = createRecordBook({
    networkId,
    networkKey,
    now,
    isRevoked: revocations.isRevoked,
    onAccepted: (record) => host.libp2p.services.admission.learn(record.membership)
  })
  const host = await createHost({
    network,
    member,
    admission: {
      now,
      helloTimeoutMs,
      isDenied: (_, shown) => (shown !== undefined && revocations.isRevoked(shown) ? 'REVOKED' : undefined)
    },
    listen,
    libp2p: {
      peerStore: peerStoreDefaults,
      connectionMonitor: { protocolPrefix: protocols(networkId).prefix, pingTimeout: { minTimeout: 30_000 } }
    },
    services: {
      dht: memberOnly(other?.(networkId, book) ?? agentDht({ networkId, book, now }), 'all'),
      dialParts: dialParts(),
      ping: memberOnly(ping({ protocolPrefix: protocols(networkId).prefix, ...pingDefaults }), 'registrar'),
      raw: ({ datastore, peerStore }: RawParts) => ({ datastore, peerStore })
    }
  })
  const { dht, admission } = host.libp2p.services
  const discovery = createDiscovery({
    dht,
    book,
    admission,
    networkId,
    self: member.peerId,
    privateKey: member.privateKey,
    membership: () => membership,
    sequence,
    now,
    ...events
  })
  const paths = createPathMemory({ now })
  const dialler = createDialler({
    self: member.peerId,
    host: host.libp2p.services.dialParts,
    admission,
    discovery,
    addressTimeoutMs: 1_000
  })
  const resolver = createResolver({ discovery, admission, self: member.peerId, name: () => member.name, paths, now })
  discovery.start()
  guardByRevocations({ keeper: revocations, admission })
  let isRunning = true
  const node: TestNode = {
    member,
    membership,
    networkId,
    host,
    dht,
    book,
    revocations,
    discovery,
    dialler,
    resolver,
    paths,
    plain: () => ({ addresses: host.libp2p.getMultiaddrs(), services: [], capabilities: [] }),
    stop: async () => {
      if (!isRunning) return
      isRunning = false
      discovery.stop()
      await host.stop()
    }
  }
  running.push(node)
  return node
}

export const stopNodes = async (): Promise<void> => {
  await Promise.all(running.splice(0).map(async (node) => node.stop()))
}

/** Each connects to the first, and knows at least `degree` others in its routing table in the end. */
export const connectAll = async (nodes: TestNode[], degree = Math.min(nodes.length - 1, 8)): Promise<void> => {
  const [first, ...others] = nodes
  if (first === undefined) return
  for (const node of others) await connect(node, first)
  await until(() => nodes.every((node) => node.dht.routingTable.size >= degree), 60_000)
}

/** So many members, connected to each other through the first. */
export const startNodes = async (
  network: TestNetwork,
  count: number
): Promise<[TestNode, TestNode, TestNode, TestNode, TestNode]> => {
  const nodes = await Promise.all(
    Array.from({ length: count }, async (_, index) => startNode(network, `member-${index}`))
  )
  await connectAll(nodes)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a test names only as many as it asked for
  return nodes as [TestNode, TestNode, TestNode, TestNode, TestNode]
}

export const connect = async (from: TestNode, to: TestNode): Promise<void> => {
  await from.host.libp2p.dial(to.host.libp2p.getMultiaddrs())
  await from.host.libp2p.services.admission.wait(to.member.peerId)
  await until(() => to.host.libp2p.services.admission.has(from.member.peerId))
}

/** Makes a node ask the network: in a small mesh it holds everybody's record itself. */
export const forgetOthers = ({ book, member }: TestNode): void => {
  for (const { peerId } of book.all()) if (!peerId.equals(member.peerId)) book.forget(peerId)
}

/** Tells a node that the root revoked whatever a peer holds at present. */
export const revokeAt = async (node: TestNode, network: TestNetwork, { member }: TestNode): Promise<void> => {
  const { networkKey, rootKey } = network
  const init = { networkKey, peerId: member.peerId, revokedMs: Date.now() }
  await node.revocations.accept(await sealRevocation(init, rootKey, []), node.member.peerId)
}

/** Waits for a condition that nothing announces. */
export const until = async (isTrue: () => boolean, ms = 10_000): Promise<void> => {
  const end = performance.now() + ms
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`still not so after ${ms} ms: ${isTrue.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export const signal = (ms = 10_000): AbortSignal => AbortSignal.timeout(ms)

/** Peers that did not do what a query asked of them. */
export const countRefusals = async (events: AsyncIterable<QueryEvent>): Promise<number> => {
  const refused = new Set<string>()
  for await (const event of events) if (event.name === 'QUERY_ERROR') refused.add(event.from.toString())
  return refused.size
}

/** The value that a node holds under a key of its datastore. */
export const storedValue = async (node: TestNode, key: Key): Promise<Uint8Array | undefined> => {
  try {
    return StoredRecord.deserialize(await node.host.libp2p.services.raw.datastore.get(key)).value
  } catch {
    return undefined
  }
}
