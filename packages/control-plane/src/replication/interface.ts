import type { Connection, PeerId, Stream } from '@libp2p/interface'
import type { ErrorCode } from '@agent-mesh/wire'

/**
 * One kind of document that every member holds a copy of. What it holds may be the newest of its versions or the union
 * of all items; replication does not care: it moves what one side lacks, and the replica decides what to keep.
 */
export interface Replica {
  /** `policy`, `revocations`, …: a lower-case word of at most 32 letters. */
  readonly kind: string
  /** Equal digests hold the same. 32 bytes; asked often, so kept rather than computed. */
  digest: () => Uint8Array
  /** For people; 0 where the kind counts none. */
  version: () => number
  /** SHA-256 of each item held; at most `mostHeldIds`. */
  ids: () => Uint8Array[]
  get: (id: Uint8Array) => Uint8Array | undefined
  /**
   * Verifies and takes over; called for one item at a time. The bytes are the replica's to keep.
   * @returns whether anything changed
   * @throws MeshError where it is refused; *_STALE, *_OUTDATED and *_EXPIRED are not held against the sender
   */
  accept: (item: Uint8Array, from: PeerId) => Promise<boolean>
  /** Largest item in bytes. */
  readonly mostBytes: number
  /**
   * Changes are told in another way, and often: members compare it when they meet and now and then, and nobody announces
   * what it holds. Default: false.
   */
  readonly isQuiet?: boolean
  /** Whether a comparison that this node begins may move items now. Called once for each that would. Default: always. */
  mayMove?: () => boolean
}

/** What a member is known to hold of a kind. */
export interface Holder {
  peer: PeerId
  digest: Uint8Array
  version: number
  /** Since when it says that it holds this, by the clock here, in milliseconds since 1970. */
  sinceMs: number
  /** When this node first heard of it since it started. */
  metMs: number
}

export interface Replication {
  start: () => void
  stop: () => void
  /** Something changed here: tell everybody. A burst becomes one message. */
  announce: (kind: string) => void
  /**
   * Compares with one member now, and moves what differs both ways.
   * @throws MeshError CONNECTION_LOST where it is not connected, TIMEOUT, CANCELLED, RATE_LIMITED, SYNC_INVALID
   */
  syncWith: (peer: PeerId, options?: { signal?: AbortSignal }) => Promise<void>
  /** What each member is known to hold of a kind, from its announcements and from comparisons. */
  holders: (kind: string) => Holder[]
}

export interface RunningReplication extends Replication {
  /** To be registered for `protocols(networkId).sync`, among members only. */
  readonly handler: (stream: Stream, connection: Connection) => void
  readonly handlerOptions: { maxInboundStreams: number; maxOutboundStreams: number; runOnLimitedConnection: boolean }
}

/** What one comparison did. */
export interface SyncReport {
  /** Kinds of which the two held different things. */
  differed: string[]
  /** Items that changed something here. */
  taken: number
  /** Items that the other side lacked and was sent. */
  delivered: number
  /** Items that were refused here. */
  refused: number
}

export interface ReplicationEvents {
  /** An item of a member was taken over. */
  onChange?: (kind: string, from: PeerId) => void
  /** An item of a member was refused. */
  onRefused?: (kind: string, from: PeerId, code: ErrorCode) => void
  /** A comparison that this node began has ended well. */
  onSynced?: (peer: PeerId, report: SyncReport) => void
  /** A comparison has failed, whoever began it. INTERNAL is a defect of this node. */
  onSyncFailed?: (peer: PeerId, code: ErrorCode) => void
}
