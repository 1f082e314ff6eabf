import type {
  ComponentLogger,
  Connection,
  Libp2pEvents,
  PeerId,
  PeerStore,
  PublicKey,
  TypedEventTarget
} from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import type { Identify } from '@libp2p/identify'
import type { Membership } from '@agent-mesh/identity'
import type { ErrorCode, NetworkId } from '@agent-mesh/wire'
import type { Admission } from './interface.ts'

/** Tells the gate of a host what became of a connection or peer. */
export interface AdmissionGate {
  attach: (admission: Admission, isDenied: (peer: PeerId) => boolean) => void
  admitted: (connection: Connection) => void
}

export interface AdmissionInit {
  networkId: NetworkId
  networkKey: PublicKey
  /** This node's certificates, the leaf first; asked anew for every hello. */
  chain: () => Uint8Array[]
  /** Name and version of this software. */
  agent: string
  /** 16 bytes that are new for every start of the process. Default: random. */
  instanceId?: Uint8Array
  /** Milliseconds since 1970. */
  now?: () => number
  /** Says no to a member whose certificates verify, such as a revoked one. Without a membership: before a dial. */
  isDenied?: (peer: PeerId, membership: Membership | undefined) => ErrorCode | undefined
  /** What this node holds, for the other side to compare. */
  policyVersion?: () => number
  revocationsHash?: () => Uint8Array
  gate?: AdmissionGate
  /** Peer ids of relays that are no members and say no hello. */
  carriers?: ReadonlySet<string>
  logger?: ComponentLogger
  /** Default: `limits.helloTimeoutMs`. */
  helloTimeoutMs?: number
  /** Default: `limits.namedPeers`. */
  namedPeers?: number
}

export interface AdmissionComponents {
  peerId: PeerId
  peerStore: PeerStore
  registrar: Registrar
  events: TypedEventTarget<Libp2pEvents>
  logger: ComponentLogger
  /** Present where the host has the service under this name. */
  identify?: Identify
}
