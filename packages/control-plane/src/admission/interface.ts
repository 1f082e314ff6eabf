import type { Connection, PeerId } from '@libp2p/interface'
import type { Membership } from '@agent-mesh/identity'
import type { ErrorCode } from '@agent-mesh/wire'

/**
 * What happened to a peer: its first admitted connection, the end of its last one, or the same peer with a new
 * instance id (its process was started again).
 */
export type AdmissionChange = 'admit' | 'gone' | 'replaced'

export type AdmissionListener = (change: AdmissionChange, peer: PeerId, connection: Connection) => void

/** Who is admitted at this moment. Every other part of the control plane asks here. */
export interface Admission {
  /** A live connection of the peer has finished its hello. */
  has: (peer: PeerId) => boolean
  /** Oneself, or a peer that has shown a certificate that is still valid. */
  knows: (peer: PeerId) => boolean
  /** Resolves when the peer is admitted. @throws MeshError HELLO_TIMEOUT, NOT_A_MEMBER, CLOCK_SKEW, … */
  wait: (peer: PeerId, options?: { signal?: AbortSignal }) => Promise<void>
  /** Admitted live connections of a peer. */
  connections: (peer: PeerId) => Connection[]
  /** What the certificate of a peer says, also some time after it left. */
  membership: (peer: PeerId) => Membership | undefined
  /** Peers that are admitted at this moment. */
  members: () => PeerId[]
  /** @returns the way to stop listening */
  onChange: (listener: AdmissionListener) => () => void
  /** Closes every connection of a peer and refuses it from then on with the code (revocation, expiry). */
  expel: (peer: PeerId, code: ErrorCode) => void
}
