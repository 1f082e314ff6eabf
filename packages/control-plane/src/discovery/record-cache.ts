import { limits } from '@agent-mesh/wire'
import { compareRecords } from './record-rules.ts'
import type { PeerId } from '@libp2p/interface'
import type { VerifiedRecord } from './interface.ts'

/** Verified records by author, the newest of each: bounded, and each only as long as it may be used. */
export interface RecordCache {
  /**
   * Keeps the record unless a newer one of its author is there.
   * @param mostUntilMs - it is not used longer than this, by the clock here
   */
  add: (record: VerifiedRecord, mostUntilMs?: number) => void
  /** @param youngerThanMs - where given, only a record that arrived or was confirmed within this time */
  get: (peer: PeerId, youngerThanMs?: number) => VerifiedRecord | undefined
  /** Doubts what is known of a peer: it is not used again until somebody confirms it or the peer says something newer. */
  forget: (peer: PeerId) => void
  /** Usable records, tombstones included. */
  all: () => VerifiedRecord[]
  /** Those that are in doubt here as well: others may know better. */
  held: () => VerifiedRecord[]
  /** When the record that is held of a peer first came, by the clock here. */
  arrivedMs: (peer: PeerId) => number | undefined
  /** Authors that are held, of at most so many. */
  readonly room: { held: number; most: number }
  /** Counts up whenever something else is held. */
  readonly changes: number
}

interface Entry {
  record: VerifiedRecord
  arrivedMs: number
  seenMs: number
  untilMs: number
  isDoubted: boolean
}

/**
 * A record is used for its lifetime after it was first seen: counted on this node's clock, so that an author whose
 * clock is off by the tolerated difference is neither dropped at once nor kept twice as long.
 * @param size - authors; 1,024 records of 4 KiB are 4 MiB
 */
export const createRecordCache = ({
  now = Date.now,
  size = 1024
}: { now?: () => number; size?: number } = {}): RecordCache => {
  const entries = new Map<string, Entry>()
  let changes = 0
  const live = (author: string): Entry | undefined => {
    const entry = entries.get(author)
    if (entry !== undefined && entry.untilMs <= now() && entries.delete(author)) changes++
    return entries.get(author)
  }
  const alive = (): Entry[] => [...entries.keys()].map(live).filter((entry) => entry !== undefined)
  return {
    add: (record, mostUntilMs = Number.POSITIVE_INFINITY) => {
      const author = record.peerId.toString()
      const known = live(author)
      if (known !== undefined && compareRecords(known.record, record) < 0) return
      const isSame = known?.record.sequence === record.sequence
      const untilMs = isSame
        ? known.untilMs
        : Math.min(now() + record.expiresMs - record.issuedMs, record.expiresMs + limits.clockToleranceMs, mostUntilMs)
      entries.delete(author)
      if (entries.size >= size) {
        const oldest = entries.keys().next()
        if (oldest.done !== true) entries.delete(oldest.value)
      }
      const arrivedMs = isSame ? known.arrivedMs : now()
      entries.set(author, { record, arrivedMs, seenMs: now(), untilMs, isDoubted: false })
      if (!isSame) changes++
    },
    get: (peer, youngerThanMs) => {
      const entry = live(peer.toString())
      if (entry === undefined || entry.isDoubted) return undefined
      return youngerThanMs !== undefined && now() - entry.seenMs >= youngerThanMs ? undefined : entry.record
    },
    forget: (peer) => {
      const entry = entries.get(peer.toString())
      if (entry !== undefined) entry.isDoubted = true
    },
    all: () =>
      alive()
        .filter(({ isDoubted }) => !isDoubted)
        .map(({ record }) => record),
    held: () => alive().map(({ record }) => record),
    arrivedMs: (peer) => live(peer.toString())?.arrivedMs,
    get room() {
      return { held: entries.size, most: size }
    },
    get changes() {
      return changes
    }
  }
}
