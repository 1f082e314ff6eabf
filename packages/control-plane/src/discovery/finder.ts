import { pipe } from 'it-pipe'
import { capabilityMatches, limits, parseCapability, parseName, type NetworkId } from '@agent-mesh/wire'
import { abortedError, deadline } from './deadline.ts'
import { distinct, parallelMap, present, take } from './parallel.ts'
import { capabilityCid, nameCid } from './provider-keys.ts'
import type { Lookup } from './lookup.ts'
import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import type { VerifiedRecord } from './interface.ts'
import type { RecordBook } from './record-book.ts'
import type { TableKeeper } from './table-keeper.ts'

export interface Finder {
  find: (capability: string, options: { signal: AbortSignal; limit?: number }) => AsyncGenerator<VerifiedRecord>
  findName: (name: string, options: { signal: AbortSignal }) => Promise<VerifiedRecord[]>
  record: (peer: PeerId, options: { signal: AbortSignal }) => Promise<VerifiedRecord | undefined>
}

export interface FinderInit {
  lookup: Lookup
  book: RecordBook
  table: Pick<TableKeeper, 'ready'>
  networkId: NetworkId
  self: PeerId
  /**
   * A record that arrived this recently, and says what is looked for, is used as it is; others are asked for again, and
   * serve where nobody answers. Longer where changes are told in some other way too, as by gossip and replication.
   */
  confirmedMs?: number
}

/** Candidates whose records are fetched at the same time. */
const fetchConcurrency = 8
/** A record that arrived this recently is the newest there is, whatever it says. */
const defaultConfirmedMs = 5_000
/** A member that was just admitted needs a moment to get into the routing table. */
const tableWaitMs = 2_000

/** Own certificate names first: a name from the root beats one from a delegate. */
const rootFirst = (a: VerifiedRecord, b: VerifiedRecord): number =>
  Number(b.membership.isIssuedByRoot) - Number(a.membership.isIssuedByRoot) || b.issuedMs - a.issuedMs

export const createFinder = ({
  lookup,
  book,
  table,
  networkId,
  self,
  confirmedMs = defaultConfirmedMs
}: FinderInit): Finder => {
  const ready = async (signal: AbortSignal): Promise<boolean> => table.ready(tableWaitMs, signal)

  const current = async (
    peer: PeerId,
    matches: (record: VerifiedRecord) => boolean,
    signal: AbortSignal
  ): Promise<VerifiedRecord | undefined> => {
    const newest = self.equals(peer) ? book.get(peer) : book.get(peer, defaultConfirmedMs)
    if (newest !== undefined) return newest
    const known = book.get(peer, confirmedMs)
    return known !== undefined && matches(known) ? known : lookup.record(peer, signal)
  }

  const candidates = async function* (
    key: CID,
    matches: (record: VerifiedRecord) => boolean,
    signal: AbortSignal
  ): AsyncGenerator<PeerId> {
    yield* book
      .all()
      .filter(matches)
      .map((record) => record.peerId)
    if (await ready(signal)) yield* lookup.providers(key, signal)
  }

  /** Every candidate is believed only as far as its own signed record says the same. */
  const search = async function* (
    key: CID,
    isOffer: (record: VerifiedRecord) => boolean,
    signal: AbortSignal,
    limit: number
  ): AsyncGenerator<VerifiedRecord> {
    const matches = (record: VerifiedRecord): boolean => !record.isWithdrawn && isOffer(record)
    const done = new AbortController()
    const until = deadline(limits.lookupTimeoutMs, signal, done.signal)
    try {
      yield* pipe(
        candidates(key, matches, until),
        distinct<PeerId>((peer) => peer.toString(), limits.candidatesPerLookup),
        parallelMap(fetchConcurrency, async (peer: PeerId) => {
          const record = await current(peer, matches, until).catch(() => undefined)
          return record !== undefined && matches(record) ? record : undefined
        }),
        present<VerifiedRecord>,
        take<VerifiedRecord>(limit)
      )
    } finally {
      done.abort()
    }
  }

  return {
    find: (capability, { signal, limit = limits.candidatesPerLookup }) => {
      const path = parseCapability(capability)
      return search(
        capabilityCid(networkId, path),
        (record) => record.capabilities.some((offered) => capabilityMatches(offered, path)),
        signal,
        limit
      )
    },
    findName: async (name, { signal }) => {
      const found: VerifiedRecord[] = []
      const wanted = parseName(name)
      for await (const record of search(
        nameCid(networkId, wanted),
        ({ membership }) => membership.name === wanted,
        signal,
        limits.candidatesPerLookup
      ))
        found.push(record)
      if (signal.aborted && found.length === 0) throw abortedError(signal, `The search for "${wanted}"`)
      return found.toSorted(rootFirst)
    },
    record: async (peer, { signal }) => {
      const until = deadline(limits.lookupTimeoutMs, signal)
      const known = self.equals(peer) ? book.get(peer) : book.get(peer, defaultConfirmedMs)
      if (known !== undefined || self.equals(peer)) return known
      await ready(until)
      const found = await lookup.record(peer, until)
      if (found === undefined && signal.aborted)
        throw abortedError(signal, `The search for the record of ${peer.toString()}`)
      return found
    }
  }
}
