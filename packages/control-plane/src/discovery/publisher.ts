import { limits, MeshError, toMeshError, type NetworkId } from '@agent-mesh/wire'
import { abortable } from '../admission/abortable.ts'
import { abortedError, deadline } from './deadline.ts'
import { announceKeys, depositValue, type Deposit } from './deposit.ts'
import { providerCids } from './provider-keys.ts'
import { rankAddresses } from './addresses.ts'
import { recordKeyBytes, sealRecord } from './record.ts'
import type { PeerId, PrivateKey } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { Membership } from '@agent-mesh/identity'
import type { AgentDht } from './dht.ts'
import type { PublishReport, SelfDescription } from './interface.ts'
import type { Lookup } from './lookup.ts'
import type { RecordBook } from './record-book.ts'
import type { TableKeeper } from './table-keeper.ts'

/** Keeps the last sequence over restarts: a lower one is refused by whoever has seen a higher. */
export interface SequenceStore {
  load: () => Promise<number>
  save: (sequence: number) => Promise<void>
}

/** What became of one round; keys that nobody was told are announced at the next. */
export interface Publication extends PublishReport {
  missingKeys: number
}

export interface Publisher {
  /** @throws MeshError NOT_PUBLISHED, LIMIT_EXCEEDED, TIMEOUT, CANCELLED */
  publish: (description: SelfDescription, options?: { signal?: AbortSignal }) => Promise<Publication>
  /** Stores the record again, under a new sequence; the keys only where they were not announced before. */
  refresh: (description: SelfDescription, options?: { signal?: AbortSignal }) => Promise<Publication>
  withdraw: (options?: { signal?: AbortSignal }) => Promise<Publication>
}

export interface PublisherInit {
  dht: Pick<AgentDht, 'put' | 'provide' | 'cancelReprovide'>
  book: RecordBook
  lookup: Lookup
  networkId: NetworkId
  self: PeerId
  privateKey: PrivateKey
  /** The certificate at this moment; it renews itself while the node runs. */
  membership: () => Membership
  table: Pick<TableKeeper, 'ready'>
  sequence: SequenceStore
  now?: () => number
}

const publishTimeoutMs = 2 * limits.lookupTimeoutMs
/** Nobody waits for it, and what is given up for want of time is begun again from the start. */
const refreshTimeoutMs = 3 * publishTimeoutMs
/** A member that was just admitted needs a moment to get into the routing table. */
const tableWaitMs = 3_000

const nothing: SelfDescription = { addresses: [], services: [], capabilities: [] }

/** Why nobody stored it. */
const failure = ({ refusedBy }: Deposit, hasPeers: boolean, signal: AbortSignal): MeshError => {
  if (signal.aborted) return abortedError(signal, 'Publishing')
  if (!hasPeers) return new MeshError('NOT_PUBLISHED', 'No other member is connected that could store the record.')
  return new MeshError('NOT_PUBLISHED', `None of ${refusedBy} members stored the record.`, { details: { refusedBy } })
}

interface Kind {
  isWithdrawn: boolean
  /** Keys that are told: all, or those that nobody was told before. */
  mode: 'all' | 'missing'
}

export const createPublisher = ({
  dht,
  book,
  lookup,
  networkId,
  self,
  privateKey,
  membership,
  table,
  sequence,
  now = Date.now
}: PublisherInit): Publisher => {
  /** Keys that the DHT of this node announces again by itself. */
  const offered = new Map<string, CID>()
  /** Those among them that somebody was told. */
  const told = new Set<string>()
  const key = recordKeyBytes(networkId, self)
  let queue: Promise<unknown> = Promise.resolve()
  /** Ends what is published at the moment: a tombstone does not wait for what it takes back. */
  let current = new AbortController()

  const nextSequence = async (atLeast: number): Promise<number> => {
    const next = Math.max((await sequence.load()) + 1, atLeast, now())
    await sequence.save(next)
    return next
  }

  /** Holders name us for the rest of their time; whoever asks finds the capability gone from our record. */
  const keepOnly = async (wanted: Map<string, CID>): Promise<void> => {
    for (const [id, cid] of offered) {
      if (wanted.has(id)) continue
      await dht.cancelReprovide(cid)
      offered.delete(id)
      told.delete(id)
    }
  }

  const announce = async (wanted: Map<string, CID>, mode: 'all' | 'missing', signal: AbortSignal): Promise<void> => {
    const missing = [...wanted].filter(([id]) => mode === 'all' || !told.has(id))
    for (const [id, cid] of missing) offered.set(id, cid)
    for (const id of await announceKeys(dht, new Map(missing), signal)) told.add(id)
  }

  const seal = async (
    description: SelfDescription,
    isWithdrawn: boolean,
    atLeast: number
  ): Promise<{ bytes: Uint8Array; number: number; issuedMs: number }> => {
    const number = await nextSequence(atLeast)
    const issuedMs = now()
    const addresses = rankAddresses(description.addresses).slice(0, limits.addressesPerRecord)
    const bytes = await sealRecord(
      {
        ...description,
        addresses,
        networkId,
        peerId: self,
        sequence: number,
        issuedMs,
        isWithdrawn,
        chain: membership().chain
      },
      privateKey
    )
    // What others would refuse must fail here, and an older one of ours that somebody sends must not replace it.
    await book.accept(bytes, self)
    return { bytes, number, issuedMs }
  }

  /** Ends with its time, also where the DHT does not: the next in turn may be the tombstone of a node that goes down. */
  const run = async (description: SelfDescription, kind: Kind, outer?: AbortSignal): Promise<Publication> => {
    const { signal: ended } = kind.isWithdrawn ? new AbortController() : current
    const signal = deadline(kind.mode === 'all' ? publishTimeoutMs : refreshTimeoutMs, outer, ended)
    if (signal.aborted) throw abortedError(signal, 'Publishing')
    return abortable(store(description, kind, signal), signal).catch((err: unknown) => {
      throw signal.aborted && !(err instanceof MeshError) ? abortedError(signal, 'Publishing') : err
    })
  }

  const store = async (
    description: SelfDescription,
    { isWithdrawn, mode }: Kind,
    signal: AbortSignal
  ): Promise<Publication> => {
    const own = isWithdrawn
      ? []
      : providerCids(networkId, membership().name, [
          ...description.capabilities,
          ...description.services.flatMap((service) => service.capabilities)
        ])
    const wanted = new Map(own.map((cid) => [cid.toString(), cid]))
    let sealed = await seal(description, isWithdrawn, 0)
    await keepOnly(wanted)
    const hasPeers = await table.ready(tableWaitMs, signal)
    let stored: Deposit = hasPeers ? await depositValue(dht, key, sealed.bytes, signal) : { storedBy: 0, refusedBy: 0 }
    if (stored.storedBy === 0 && stored.refusedBy > 0 && !signal.aborted) {
      // The counter was lost (a restored machine): holders know a newer record of ours, so we go on above it.
      const newer = await lookup.record(self, signal)
      if (newer !== undefined && newer.sequence > sealed.number) {
        sealed = await seal(description, isWithdrawn, newer.sequence + 1)
        stored = await depositValue(dht, key, sealed.bytes, signal)
      }
    }
    if (stored.storedBy === 0) throw failure(stored, hasPeers, signal)
    await announce(wanted, mode, signal)
    return {
      storedBy: stored.storedBy,
      untilMs: sealed.issuedMs + limits.recordTtlMs,
      sequence: sealed.number,
      keys: told.size,
      missingKeys: wanted.size - told.size
    }
  }

  /** One at a time: two at once would race for the sequence and leave the older record at some holders. */
  const inTurn = async (task: () => Promise<Publication>): Promise<Publication> => {
    const result = queue.then(task, task)
    queue = result.catch(() => undefined)
    try {
      return await result
    } catch (err) {
      throw toMeshError(err, 'NOT_PUBLISHED')
    }
  }

  return {
    publish: async (description, options) =>
      inTurn(() => run(description, { isWithdrawn: false, mode: 'all' }, options?.signal)),
    refresh: async (description, options) =>
      inTurn(() => run(description, { isWithdrawn: false, mode: 'missing' }, options?.signal)),
    withdraw: async (options) => {
      current.abort()
      current = new AbortController()
      return inTurn(() => run(nothing, { isWithdrawn: true, mode: 'all' }, options?.signal))
    }
  }
}
