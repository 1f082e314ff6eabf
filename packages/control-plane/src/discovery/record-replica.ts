import { createHash } from 'node:crypto'
import { limits, MeshError } from '@agent-mesh/wire'
import { contentOf } from './record-rules.ts'
import { idKey, idOf } from '../replication/page.ts'
import type { Replica } from '../replication/interface.ts'
import type { RecordBook } from './record-book.ts'
import type { VerifiedRecord } from './interface.ts'

export interface RecordReplicaInit {
  book: Pick<RecordBook, 'held' | 'changes' | 'room' | 'acceptKept'>
  /** Milliseconds since 1970. */
  now?: () => number
}

/** A revocation or an expiry is in the digest after this at the latest; what it takes out is not handed on at once. */
const snapshotMs = 5_000

/** Comparisons that may move records at once, as for a member that meets its first neighbours. */
const movesAtOnce = 8
/**
 * Then one in so long, and longer in a large mesh: each names all that is held, 34 bytes for each record, so that this
 * costs 110 bytes/s at most, however many members there are.
 */
const movePauseMs = 20_000
const movePausePerRecordMs = 300

interface Snapshot {
  digest: Uint8Array
  ids: Uint8Array[]
  byId: Map<string, Uint8Array>
  changes: number
  untilMs: number
}

interface Marks {
  id: Uint8Array
  content: string
}

/**
 * The records that this node knows, for replication. Gossip tells what is new and forgets it within seconds; a member
 * that was away, and the two sides of a partition, learn the rest by comparing. Tombstones travel the same way and win
 * by their sequence; what has ended or was revoked is not handed on.
 */
export const recordReplica = ({ book, now = Date.now }: RecordReplicaInit): Replica => {
  const marks = new WeakMap<VerifiedRecord, Marks>()
  let snapshot: Snapshot | undefined
  let moves = { left: movesAtOnce, atMs: now() }

  const marksOf = (record: VerifiedRecord): Marks => {
    const known = marks.get(record) ?? { id: idOf(record.bytes), content: contentOf(record) }
    marks.set(record, known)
    return known
  }

  const current = (): Snapshot => {
    const nowMs = now()
    if (snapshot !== undefined && snapshot.changes === book.changes && nowMs < snapshot.untilMs) return snapshot
    const living = book.held().filter(({ expiresMs }) => expiresMs > nowMs)
    const hash = createHash('sha256')
    for (const content of living.map((record) => marksOf(record).content).toSorted()) hash.update(content)
    const ids = living.map((record) => marksOf(record).id)
    snapshot = {
      digest: hash.digest(),
      ids,
      byId: new Map(living.map((record) => [idKey(marksOf(record).id), record.bytes])),
      changes: book.changes,
      untilMs: Math.min(nowMs + snapshotMs, ...living.map(({ expiresMs }) => expiresMs))
    }
    return snapshot
  }

  return {
    kind: 'records',
    mostBytes: limits.recordBytes,
    isQuiet: true,
    digest: () => current().digest,
    version: () => 0,
    ids: () => current().ids,
    get: (id) => current().byId.get(idKey(id)),
    accept: async (item) => {
      const before = book.changes
      try {
        await book.acceptKept(item)
      } catch (err) {
        // the sender may not have heard of a revocation yet; that is the work of the replica of revocations
        if (err instanceof MeshError && (err.code === 'REVOKED' || err.code === 'CERTIFICATE_EXPIRED')) return false
        throw err
      }
      return book.changes !== before
    },
    mayMove: () => {
      const { held, most } = book.room
      // beyond its room the book is a part of the index, and each comparison would push out what the last one brought
      if (held >= most) return false
      const pauseMs = Math.max(movePauseMs, movePausePerRecordMs * held)
      const gained = Math.max(0, now() - moves.atMs) / pauseMs
      moves = { left: Math.min(movesAtOnce, moves.left + gained), atMs: now() }
      if (moves.left < 1) return false
      moves.left--
      return true
    }
  }
}
