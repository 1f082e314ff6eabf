import { createHash } from 'node:crypto'
import { limits, MeshError, quote } from '@agent-mesh/wire'
import { createRecordCache, type RecordCache } from './record-cache.ts'
import { createSequenceGuard } from './record-rules.ts'
import { checkRecordTime, verifyRecord } from './record.ts'
import { withAllAncestors } from './provider-keys.ts'
import type { PeerId, PublicKey } from '@libp2p/interface'
import type { Membership } from '@agent-mesh/identity'
import type { NetworkId } from '@agent-mesh/wire'
import type { VerifiedRecord } from './interface.ts'

/** Everything this node knows of records. The DHT, the publisher and the finder share one. */
export interface RecordBook extends Omit<RecordCache, 'add'> {
  /**
   * Verifies a record and takes it over where it is not older than what is known.
   * @throws MeshError of the verification, REVOKED, or RECORD_STALE
   */
  accept: (bytes: Uint8Array, author?: PeerId) => Promise<VerifiedRecord>
  /**
   * As `accept`, for a record that somebody else has kept for a while: it ends by the clock here when its author said,
   * so that nobody lives longer by being passed on.
   */
  acceptKept: (bytes: Uint8Array) => Promise<VerifiedRecord>
  /** Verifies only; a record that was superseded still passes. */
  verify: (bytes: Uint8Array, author?: PeerId) => Promise<VerifiedRecord>
  /** Capabilities of known records and their ancestors. */
  pathsInUse: () => Set<string>
}

export interface RecordBookInit {
  networkId: NetworkId
  networkKey: PublicKey
  now?: () => number
  /** Records that are kept, by author. */
  size?: number
  /** Records of whoever shows such a certificate are refused, and those that are held are nobody's. */
  isRevoked?: (membership: Membership) => boolean
  /** A record verified and is not older than what was known; its certificate may be a renewed one. */
  onAccepted?: (record: VerifiedRecord) => void
}

/** One lookup brings the same bytes from many holders; a certificate is looked at again after this. */
const verdictMs = 60_000
const verdicts = 512

export const createRecordBook = ({
  networkId,
  networkKey,
  now = Date.now,
  size = 1024,
  isRevoked = () => false,
  onAccepted
}: RecordBookInit): RecordBook => {
  const cache = createRecordCache({ now, size })
  const guard = createSequenceGuard({ now, size: 4 * size })
  const verified = new Map<string, { record: VerifiedRecord; untilMs: number }>()

  const isUsable = ({ membership }: VerifiedRecord): boolean => !isRevoked(membership)

  const usable = (record: VerifiedRecord): VerifiedRecord => {
    if (isUsable(record)) return record
    throw new MeshError('REVOKED', `A record of ${quote(record.membership.name)} is refused with its certificate.`)
  }

  const verify = async (bytes: Uint8Array, author?: PeerId): Promise<VerifiedRecord> =>
    usable(await check(bytes, author))

  const check = async (bytes: Uint8Array, author?: PeerId): Promise<VerifiedRecord> => {
    const id = bytes.length > limits.recordBytes ? '' : createHash('sha256').update(bytes).digest('base64')
    const verdict = verified.get(id)
    const nowMs = now()
    if (
      verdict !== undefined &&
      verdict.untilMs > nowMs &&
      (author === undefined || author.equals(verdict.record.peerId))
    ) {
      checkRecordTime(verdict.record, nowMs)
      return verdict.record
    }
    // A copy: what arrives is a view of a larger buffer, and must not change after it was verified.
    const record = await verifyRecord(id === '' ? bytes : bytes.slice(), {
      networkId,
      networkKey,
      nowMs,
      ...(author === undefined ? {} : { author })
    })
    if (verified.size >= verdicts) {
      const oldest = verified.keys().next()
      if (oldest.done !== true) verified.delete(oldest.value)
    }
    verified.set(id, { record, untilMs: nowMs + verdictMs })
    return record
  }

  const take = (record: VerifiedRecord, mostUntilMs?: number): VerifiedRecord => {
    guard.accept(record)
    cache.add(record, mostUntilMs)
    onAccepted?.(record)
    return record
  }

  return {
    verify,
    accept: async (bytes, author) => take(await verify(bytes, author)),
    acceptKept: async (bytes) => {
      const record = await verify(bytes)
      if (record.expiresMs <= now())
        throw new MeshError('RECORD_EXPIRED', `A record ended at ${new Date(record.expiresMs).toISOString()}.`)
      return take(record, record.expiresMs)
    },
    arrivedMs: cache.arrivedMs,
    held: () => cache.held().filter(isUsable),
    get room() {
      return cache.room
    },
    get changes() {
      return cache.changes
    },
    get: (peer, youngerThanMs) => {
      const record = cache.get(peer, youngerThanMs)
      return record !== undefined && isUsable(record) ? record : undefined
    },
    forget: cache.forget,
    all: () => cache.all().filter(isUsable),
    pathsInUse: () =>
      withAllAncestors(
        cache
          .all()
          .filter(isUsable)
          .filter((record) => !record.isWithdrawn)
          .flatMap((record) => record.capabilities)
      )
  }
}
