import { limits } from '@agent-mesh/wire'
import { compareRecords } from './record-rules.ts'
import type { PeerId } from '@libp2p/interface'
import type { VerifiedRecord } from './interface.ts'

/** Verified records by author, the newest of each: bounded, and each only as long as it may be used. */
export interface RecordCache {
  /** Keeps the record unless a newer one of its author is there. */
  add: (record: VerifiedRecord) => void
  /** @param youngerThanMs - where given, only a record that arrived or was confirmed within this time */
  get: (peer: PeerId, youngerThanMs?: number) => VerifiedRecord | undefined
  forget: (peer: PeerId) => void
  /** Usable records, tombstones included. */
  all: () => VerifiedRecord[]
}

interface Entry {
  record: VerifiedRecord
  seenMs: number
  untilMs: number
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
  const live = (author: string): Entry | undefined => {
    const entry = entries.get(author)
    if (entry !== undefined && entry.untilMs <= now()) entries.delete(author)
    return entries.get(author)
  }
  return {
    add: (record) => {
      const author = record.peerId.toString()
      const known = live(author)
      if (known !== undefined && compareRecords(known.record, record) < 0) return
      const isSame = known?.record.sequence === record.sequence
      const untilMs = isSame
        ? known.untilMs
        : Math.min(now() + record.expiresMs - record.issuedMs, record.expiresMs + limits.clockToleranceMs)
      entries.delete(author)
      if (entries.size >= size) {
        const oldest = entries.keys().next()
        if (oldest.done !== true) entries.delete(oldest.value)
      }
      entries.set(author, { record, seenMs: now(), untilMs })
    },
    get: (peer, youngerThanMs) => {
      const entry = live(peer.toString())
      if (entry === undefined || (youngerThanMs !== undefined && now() - entry.seenMs >= youngerThanMs))
        return undefined
      return entry.record
    },
    forget: (peer) => {
      entries.delete(peer.toString())
    },
    all: () =>
      [...entries.keys()]
        .map(live)
        .filter((entry) => entry !== undefined)
        .map((entry) => entry.record)
  }
}
