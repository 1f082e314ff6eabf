import type { Connection, PeerId, PrivateKey, PublicKey, Stream } from '@libp2p/interface'
import type { ErrorCode, NetworkId } from '@agent-mesh/wire'
import type { Admission } from '../admission/interface.ts'
import type { Timers } from '../replication/announcer.ts'
import type { DetectorSettings } from './detector/settings.ts'
import type { HealthPubsub } from './gossip.ts'
import type { HealthView, NeighbourHealth, SelfHealth } from './interface.ts'

export interface HealthEvents {
  /**
   * A connection that is open does not answer: for how long, by probes alone. `isClosed`: the others agree that the member is
   * dead, and the connection has been closed.
   */
  onZombie?: (peer: string, zombie: { stalledMs: number; isClosed: boolean }) => void
  /** A stream of probes was refused, ended in disorder, or could not be opened. */
  onStreamFailed?: (peer: string, code: ErrorCode) => void
  /** What a member brought or said does not verify. */
  onRefused?: (peer: string, code: ErrorCode) => void
  /** This node raised its incarnation, because these said that it does not live. */
  onRefuted?: (incarnation: number, accusers: readonly string[]) => void
}

export interface HealthInit extends HealthEvents {
  networkId: NetworkId
  /** Root of the certificates. */
  networkKey: PublicKey
  self: PeerId
  /** Signs the digests of this node. */
  key: PrivateKey
  admission: Pick<
    Admission,
    'connections' | 'has' | 'isAdmitted' | 'knows' | 'learn' | 'members' | 'membership' | 'onChange'
  >
  pubsub: HealthPubsub
  about: SelfHealth
  settings: DetectorSettings
  /** One dial of a member that was a neighbour a moment ago: whether it can still be reached decides. */
  connect: (peer: PeerId, options: { signal: AbortSignal }) => Promise<unknown>
  /** Lost packets on the way to and from a neighbour, where something counts them. */
  lossOf?: (peer: string) => Pick<NeighbourHealth, 'loss' | 'lossIn'>
  /** Somebody is spoken of whose certificates no neighbour showed. Called often: look them up now and then. */
  onUnknown?: (peer: PeerId) => void
  timers?: Timers
  /** Milliseconds of a clock that never goes back. */
  monotonicMs?: () => number
  /** At least 0, below 1. */
  random?: () => number
  /** Between two comparisons with a neighbour picked at random. Default: `limits.syncIntervalMs`. */
  compareEveryMs?: number
}

export interface RunningHealth extends HealthView {
  start: () => void
  /** Without a word to the others: for them it is a crash. See `leave`. */
  stop: () => void
  /** Says goodbye to everybody. */
  leave: () => Promise<void>
  /** A member is none any longer, such as one whose certificate was revoked. */
  forget: (peer: PeerId) => void
  /** Everybody of whom anything is held, members or not. */
  held: () => PeerId[]
  /** What this node says of itself has changed: its digest goes out soon, not only when it is due. */
  refresh: () => void
  /** To be registered for `protocols(networkId).health`, among members only. */
  readonly handler: (stream: Stream, connection: Connection) => void
  readonly handlerOptions: { maxInboundStreams: number; maxOutboundStreams: number; runOnLimitedConnection: boolean }
}
