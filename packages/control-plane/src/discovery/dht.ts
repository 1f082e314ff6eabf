import { kadDHT, passthroughMapper, type KadDHT, type KadDHTComponents } from '@libp2p/kad-dht'
import { limits, MeshError, protocols, type NetworkId } from '@agent-mesh/wire'
import { freshEntries } from './fresh-entries.ts'
import { keepStreams } from './kept-streams.ts'
import { parseRecordKey } from './record.ts'
import { bestRecord } from './record-rules.ts'
import type { AbortOptions, PeerId } from '@libp2p/interface'
import type { ConnectionManager } from '@libp2p/interface-internal'
import type { RecordBook } from './record-book.ts'

/** The part of the routing table that others need: whether a query has anybody to ask, and who. */
export interface RoutingTable {
  readonly size: number
  /** Takes a peer in where it answers a ping. */
  add: (peer: PeerId, options?: AbortOptions) => Promise<void>
  remove: (peer: PeerId, options?: AbortOptions) => Promise<void>
  addEventListener: (type: 'peer:add', listener: () => void) => void
  removeEventListener: (type: 'peer:add', listener: () => void) => void
}

export interface AgentDht extends KadDHT {
  readonly routingTable: RoutingTable
}

export interface AgentDhtInit {
  networkId: NetworkId
  /** Shared with the discovery of this node: what the DHT validates is known to it. */
  book: RecordBook
  now?: () => number
}

interface FullTable extends Omit<RoutingTable, 'addEventListener'> {
  addEventListener: (type: 'peer:add' | 'peer:remove', listener: (event: CustomEvent<PeerId>) => void) => void
  /** Takes a peer in, some time later. */
  queueRoutingTableUpdate: (peer: PeerId, options?: AbortOptions) => void
}

/** Typed away by the package, and the only way to know that a query has somebody to ask. */
const hasTable = (dht: KadDHT): dht is KadDHT & { readonly routingTable: FullTable } => 'routingTable' in dht

/**
 * A provider lookup of the package ends with the first answer that brings it to one bucket of providers, which may be
 * a holder at the edge that knows two thirds of them, or this node itself. Who is enough is for the caller to decide,
 * so the bucket it looks at has no end; the routing table itself stays as it is.
 */
const askUntilToldToStop = (dht: KadDHT): void => {
  const routing: unknown = Reflect.get(dht, 'contentRouting')
  const table: unknown = typeof routing === 'object' && routing !== null ? Reflect.get(routing, 'routingTable') : null
  if (typeof routing !== 'object' || routing === null || typeof table !== 'object' || table === null)
    throw new MeshError('INTERNAL', 'This version of the DHT does not show how it looks for providers.')
  Reflect.set(routing, 'routingTable', Object.create(table, { kBucketSize: { value: Number.POSITIVE_INFINITY } }))
}

const minuteMs = 60_000

/**
 * Each answer names twenty peers, and each of them is put into the table anew, in a queue of its own, which finds that it is
 * there. This node itself is even pinged.
 */
const passOverMembers = (table: FullTable, self: PeerId): void => {
  const members = new Set([self.toString()])
  table.addEventListener('peer:add', ({ detail }) => members.add(detail.toString()))
  table.addEventListener('peer:remove', ({ detail }) => members.delete(detail.toString()))
  const queue = table.queueRoutingTableUpdate.bind(table)
  table.queueRoutingTableUpdate = (peer, options) => {
    if (!members.has(peer.toString())) queue(peer, options)
  }
}

/** Every node of a network has to use the same: holders, not publishers, decide how long an entry lives. */
const reprovide = { interval: minuteMs, threshold: 10 * minuteMs, validity: 15 * minuteMs }

/**
 * Six requests at once on two disjoint paths. The stock hundred on ten asks everybody for everything, though most
 * lookups are settled by a few answers.
 */
const breadth = { alpha: 3, disjointPaths: 2 }

/** A neighbour that says nothing costs a query this much; the stock 5 to 60 s exceed every deadline of ours. */
const answerTimeout = { minTimeout: 3_000, maxTimeout: 5_000 }

/**
 * Peer store options of a host with this DHT. Addresses stay a day after they were last seen, as the stock hour ends
 * even for connected peers; a holder that forgets a provider cannot name it any more.
 */
export const peerStoreDefaults = { maxAddressAge: 24 * 60 * minuteMs, maxPeerAge: 7 * 24 * 60 * minuteMs } as const

/**
 * Options for the host's ping service. The DHT pings a neighbour over it while the connection monitor may do the same,
 * and the monitor closes a connection on which it gets no stream: with the stock one outbound and two inbound streams
 * it closes healthy ones.
 */
export const pingDefaults = { maxInboundStreams: 16, maxOutboundStreams: 16 } as const

const refuse = (): never => {
  throw new MeshError('RECORD_INVALID', 'This network keeps agent records and nothing else.')
}

/**
 * Kademlia of one network as a libp2p service. Hand it member-only views, so that no stranger gets an answer or a
 * place in its table. Queries on an empty table are left to the caller to avoid: `allowQueryWithZeroPeers` makes the
 * table refresh spin for ever.
 */
export const agentDht = ({
  networkId,
  book,
  now = Date.now
}: AgentDhtInit): ((components: KadDHTComponents) => AgentDht) => {
  const validate = async (key: Uint8Array, value: Uint8Array): Promise<void> => {
    if (value.length > limits.recordBytes)
      throw new MeshError('RECORD_INVALID', `A record has ${value.length} bytes; ${limits.recordBytes} are allowed.`)
    const author = parseRecordKey(key, networkId)
    const record = await book.verify(value)
    if (record.peerId.toString() !== author)
      throw new MeshError('RECORD_INVALID', `A record of ${record.peerId.toString()} came under the key of ${author}.`)
    await book.accept(value)
  }
  const select = async (_key: Uint8Array, values: Uint8Array[]): Promise<number> => {
    const known = await Promise.allSettled(
      values.map(async (bytes, index) => ({ ...(await book.verify(bytes)), index }))
    )
    return bestRecord(known.filter((result) => result.status === 'fulfilled').map((result) => result.value))?.index ?? 0
  }
  const create = kadDHT({
    protocol: protocols(networkId).kad,
    clientMode: false,
    // The default drops private addresses, and with them every peer of a LAN.
    peerInfoMapper: passthroughMapper,
    validators: { agent: validate, pk: refuse },
    selectors: { agent: select },
    ...breadth,
    // The first query of a node waits for one search of its own neighbourhood.
    initialQuerySelfInterval: 250,
    reprovide,
    networkDialTimeout: answerTimeout,
    routingTableUpdateMaxQueueSize: limits.namedPeers
  })
  return (components) => {
    const datastore = freshEntries(components.datastore, {
      valueMs: limits.recordTtlMs,
      now
    })
    // Lazy, because services of a host are built one after the other; a spread or an assignment would replace the
    // part for the whole host.
    let connectionManager: ConnectionManager | undefined
    const own = new Proxy(components, {
      get: (target, property) => {
        if (property === 'datastore') return datastore
        if (property === 'connectionManager') return (connectionManager ??= keepStreams(target.connectionManager))
        return Reflect.get(target, property)
      }
    })
    const dht = create(own)
    if (!hasTable(dht)) throw new MeshError('INTERNAL', 'This version of the DHT does not show its routing table.')
    askUntilToldToStop(dht)
    passOverMembers(dht.routingTable, components.peerId)
    return dht
  }
}
