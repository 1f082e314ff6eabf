import type { Connection, PeerId } from '@libp2p/interface'
import type { Membership } from '@agent-mesh/identity'
import type { ErrorCode, MeshError } from '@agent-mesh/wire'

/**
 * What happened to a peer: its first admitted connection, the end of its last one, or the same peer with a new
 * instance id (its process was started again).
 */
export type AdmissionChange = 'admit' | 'gone' | 'replaced'

/** @param error - why it was put out; undefined where its connection just ended */
export type AdmissionListener = (
  change: AdmissionChange,
  peer: PeerId,
  connection: Connection,
  error?: MeshError
) => void

/** What the last hello of a peer said. */
export interface Greeting {
  membership: Membership
  /** 16 random bytes per start of the process, hexadecimal. */
  instanceId: string
  /** Version of the policy that the peer holds; 0 is none. */
  policyVersion: number
  /** Hash of the revocations that the peer holds; empty is none. */
  revocationsHash: Uint8Array
  /** Name and version of the peer's software; text from outside. */
  agent: string
  /** The peer had no other connection to this node when it said so. */
  isOnly: boolean
}

/** Who is admitted at this moment. Every other part of the control plane asks here. */
export interface Admission {
  /** A live connection of the peer has finished its hello. */
  has: (peer: PeerId) => boolean
  /** Oneself, or a peer that has shown a certificate that is still valid. */
  knows: (peer: PeerId) => boolean
  /**
   * Resolves when the peer is admitted; at most `limits.helloTimeoutMs` after a connection to it was opened.
   * @throws MeshError HELLO_TIMEOUT, NOT_A_MEMBER, CLOCK_SKEW, …; CONNECTION_LOST where there is no connection to it
   */
  wait: (peer: PeerId, options?: { signal?: AbortSignal }) => Promise<void>
  /** As `wait`, for one connection: a peer that is admitted on another one still says hello on this one. */
  waitFor: (connection: Connection, options?: { signal?: AbortSignal }) => Promise<void>
  /** The hello of this very connection is finished. */
  isAdmitted: (connection: Connection) => boolean
  /** It leads to a relay of another network, which is no member: nothing but relaying is asked of it. */
  isCarrier: (connection: Connection) => boolean
  /** Admitted live connections of a peer. */
  connections: (peer: PeerId) => Connection[]
  /** What the certificate of a peer says, also some time after it left. */
  membership: (peer: PeerId) => Membership | undefined
  /** The newest certificate of each peer that is remembered, also of those that count no more. */
  remembered: () => Membership[]
  /** What the last hello of an admitted peer said. */
  greeting: (peer: PeerId) => Greeting | undefined
  /** Peers that are admitted at this moment. */
  members: () => PeerId[]
  /** @returns the way to stop listening */
  onChange: (listener: AdmissionListener) => () => void
  /**
   * Calls back when a peer that is here goes on with another certificate: other groups, another name or end.
   * @returns the way to stop listening
   */
  onRenewed: (listener: (membership: Membership) => void) => () => void
  /** Closes every connection of a peer, a moment after its tunnels were told, and refuses its certificate from then on with the code (revocation, expiry). */
  expel: (peer: PeerId, code: ErrorCode) => void
  /** Takes note of a membership that was verified elsewhere, such as a renewed certificate in a record. */
  learn: (membership: Membership) => void
  /** Why a peer is not dialled at the moment: REFUSED_EARLIER with the code and the time left in its details. */
  refusal: (peer: PeerId) => MeshError | undefined
}
