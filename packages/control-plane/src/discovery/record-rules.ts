import { createHash } from 'node:crypto'
import { limits, MeshError } from '@agent-mesh/wire'
import type { VerifiedRecord } from './interface.ts'

/** What decides which of two records of one author wins. */
export type Rank = Pick<VerifiedRecord, 'sequence' | 'issuedMs' | 'bytes'>

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/**
 * Below 0 where `a` wins: the higher sequence, then the later issue, then the lower SHA-256. A tombstone follows the
 * same rule: it wins by its sequence and by nothing else.
 */
export const compareRecords = (a: Rank, b: Rank): number => {
  if (a.sequence !== b.sequence) return b.sequence - a.sequence
  if (a.issuedMs !== b.issuedMs) return b.issuedMs - a.issuedMs
  const [left, right] = [hash(a.bytes), hash(b.bytes)]
  return left < right ? -1 : left > right ? 1 : 0
}

/** What a record says, in a hash: a refresh says the same again under a new sequence and for longer. */
export const contentOf = (record: VerifiedRecord): string => {
  const { peerId, membership, isWithdrawn, addresses, services, capabilities } = record
  const text = JSON.stringify([
    peerId.toString(),
    membership.serial,
    isWithdrawn,
    addresses.map((address) => address.toString()),
    services,
    capabilities
  ])
  return createHash('sha256').update(text).digest('base64')
}

/** The record that wins, or undefined where there is none. */
export const bestRecord = <R extends Rank>(records: Iterable<R>): R | undefined => {
  let best: R | undefined
  for (const record of records) {
    if (best === undefined || compareRecords(record, best) < 0) best = record
  }
  return best
}

/** Remembers the newest record of each author, so that an older one, though validly signed, is not taken for news. */
export interface SequenceGuard {
  /**
   * Remembers the record where it is the newest of its author.
   * @throws MeshError RECORD_STALE where a newer one was seen
   */
  accept: (record: VerifiedRecord) => void
}

interface Seen extends Rank {
  forgetMs: number
}

/**
 * A holder would otherwise overwrite a newer record with an older one that somebody sends again. An author is
 * forgotten when its newest record could no longer be accepted by its age: older ones cannot either, and an author
 * that lost its counter is not locked out.
 * @param size - authors that are remembered; the least recently seen is forgotten first
 */
export const createSequenceGuard = ({
  now = Date.now,
  size = 4096
}: { now?: () => number; size?: number } = {}): SequenceGuard => {
  const seen = new Map<string, Seen>()
  return {
    accept: (record) => {
      const author = record.peerId.toString()
      const known = seen.get(author)
      if (known !== undefined && known.forgetMs > now() && compareRecords(known, record) < 0) {
        throw new MeshError(
          'RECORD_STALE',
          `Record ${record.sequence} of ${author} is older than ${known.sequence}, which is known.`
        )
      }
      seen.delete(author)
      if (seen.size >= size) {
        const oldest = seen.keys().next()
        if (oldest.done !== true) seen.delete(oldest.value)
      }
      const { sequence, issuedMs, bytes } = record
      seen.set(author, { sequence, issuedMs, bytes, forgetMs: record.expiresMs + limits.clockToleranceMs })
    }
  }
}
