import { pipe } from 'it-pipe'
import { endOnError, parallelMap, present, untilQuiet } from './parallel.ts'
import { bestRecord, compareRecords } from './record-rules.ts'
import { recordKeyBytes } from './record.ts'
import { deadline } from './deadline.ts'
import type { PeerId } from '@libp2p/interface'
import type { QueryEvent } from '@libp2p/kad-dht'
import type { CID } from 'multiformats/cid'
import type { NetworkId } from '@agent-mesh/wire'
import type { AgentDht } from './dht.ts'
import type { VerifiedRecord } from './interface.ts'
import type { RecordBook } from './record-book.ts'

/** Questions to the DHT that end when the answer is good enough, not when the last dead neighbour timed out. */
export interface Lookup {
  /** The best record of a peer among those that its holders and this node have; undefined where there is none. */
  record: (peer: PeerId, signal: AbortSignal) => Promise<VerifiedRecord | undefined>
  /** Who announced itself under a key, unverified, as the holders answer. */
  providers: (key: CID, signal: AbortSignal) => AsyncGenerator<PeerId>
}

export interface LookupInit {
  dht: Pick<AgentDht, 'get' | 'findProviders' | 'routingTable'>
  book: RecordBook
  networkId: NetworkId
  /** Longest time for one record. */
  recordTimeoutMs?: number
}

/** So many holders that agree on the newest record settle it. */
const quorum = 3
/** So many holders in a row that name providers, and none that was not named before, settle who they are. */
const holdersWithoutNews = 4
/** After a first valid record, later ones are waited for this long each. */
const recordQuietMs = 500
/** After a first answer about providers, further ones are waited for this long each. */
const providersQuietMs = 1_500
const defaultRecordTimeoutMs = 4_000
const verifyConcurrency = 4
/** Path number of what this node answered to itself. */
const local = -1

const valuesOf = async function* (events: AsyncIterable<QueryEvent>): AsyncGenerator<Uint8Array> {
  for await (const event of events) {
    if (event.name === 'PEER_RESPONSE' && event.record !== undefined) yield event.record.value
    if (event.name === 'VALUE') yield event.value
  }
}

/** Each provider once, until enough holders in a row had nobody new to name. */
const peersOf = async function* (events: AsyncIterable<QueryEvent>): AsyncGenerator<PeerId> {
  const seen = new Set<string>()
  let withoutNews = 0
  for await (const event of events) {
    if (event.name !== 'PEER_RESPONSE' || event.providers.length === 0) continue
    const news = event.providers.filter(({ id }) => !seen.has(id.toString()))
    for (const { id } of news) seen.add(id.toString())
    yield* news.map(({ id }) => id)
    if (event.path.index === local) continue
    withoutNews = news.length > 0 ? 0 : withoutNews + 1
    if (withoutNews >= holdersWithoutNews) return
  }
}

/** The newest that enough holders agree on, or the newest at the end. */
const settle = async (records: AsyncIterable<VerifiedRecord>): Promise<VerifiedRecord | undefined> => {
  let best: VerifiedRecord | undefined
  let votes = 0
  for await (const record of records) {
    const order = best === undefined ? -1 : compareRecords(record, best)
    if (order < 0) best = record
    if (order < 0) votes = 1
    else if (order === 0) votes++
    if (votes >= quorum) break
  }
  return best
}

export const createLookup = ({
  dht,
  book,
  networkId,
  recordTimeoutMs = defaultRecordTimeoutMs
}: LookupInit): Lookup => {
  const record = async (peer: PeerId, signal: AbortSignal): Promise<VerifiedRecord | undefined> => {
    if (dht.routingTable.size === 0) return book.get(peer)
    const settled = new AbortController()
    try {
      const found = await pipe(
        dht.get(recordKeyBytes(networkId, peer), { signal: deadline(recordTimeoutMs, signal, settled.signal) }),
        endOnError<QueryEvent>,
        valuesOf,
        parallelMap(verifyConcurrency, async (bytes: Uint8Array) => {
          try {
            return await book.accept(bytes, peer)
          } catch {
            return undefined // forged, expired or superseded: one holder's answer less
          }
        }),
        present<VerifiedRecord>,
        untilQuiet<VerifiedRecord>(recordQuietMs),
        settle
      )
      return bestRecord([found, book.get(peer)].filter((one) => one !== undefined))
    } finally {
      settled.abort()
    }
  }

  const providers = async function* (key: CID, signal: AbortSignal): AsyncGenerator<PeerId> {
    if (dht.routingTable.size === 0) return
    const settled = new AbortController()
    try {
      yield* pipe(
        dht.findProviders(key, { signal: deadline(10 * recordTimeoutMs, signal, settled.signal) }),
        endOnError<QueryEvent>,
        untilQuiet<QueryEvent>(
          providersQuietMs,
          (event) => event.name === 'PEER_RESPONSE' && event.path.index !== local
        ),
        peersOf
      )
    } finally {
      settled.abort()
    }
  }

  return { record, providers }
}
