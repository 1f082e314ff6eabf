import type { PeerId, Stream } from '@libp2p/interface'
import type { ErrorCode, MeshError, Metadata, Target } from '@agent-mesh/wire'

/** How a peer is reached. */
export type PathClass = 'local' | 'direct' | 'punched' | 'webrtc' | 'relayed'

/** Where a target may be reached, best first. */
export interface Candidate {
  peerId: PeerId
  /** From the verified certificate; absent where none is known yet. */
  name?: string
  /** The service that answers: what the target named, or what was published for the capability. */
  service?: string
  /** Why it stands where it stands; one clause for people. */
  reason: string
  /** Those of one tier are as good as each other, and share the work. Absent: each stands for itself, in its order. */
  tier?: number
  /** Nothing speaks against it, wherever it stands. Default: true. */
  isGood?: boolean
  /** How much of the work it wants beside its equals. Default: 1. */
  weight?: number
  /** Tunnels to its services, ours included, as its node said last, and which of its reports said so. */
  reported?: { tunnels: number; id: string }
}

/** Filled in by the node from the control plane. */
export interface PathResolver {
  /** @throws MeshError NAME_UNKNOWN, PEER_UNKNOWN, NOT_FOUND, NAME_CONFLICT, TIMEOUT */
  resolve: (target: Target, options: { signal: AbortSignal }) => Promise<Candidate[]>
}

/** A decision with the rule that made it and the layer of rules that it stands in, each one clause for people. */
export type Verdict =
  | { allowed: true; rule: string; layer?: string }
  | {
      allowed: false
      code: ErrorCode
      rule: string
      layer?: string
      /** The caller is told the code and nothing else. */
      isStranger?: boolean
    }

/** What a caller said beside the name of the service; unknown keys included. */
export interface OpenRequest {
  metadata: readonly Metadata[]
}

/**
 * Decides on the receiving node: before a byte reaches the service, again once the service is connected, and again for
 * running tunnels when the rules change. It answers at once and keeps nothing.
 */
export interface Authorizer {
  mayOpen: (peer: PeerId, service: string, request: OpenRequest) => Verdict
}

/** What the connection of a tunnel may carry still, where somebody in between ends it then without a word. */
export interface Allowance {
  /** Bytes that tunnels may hand over; 0 once it is used up. */
  readonly leftBytes: number
  /** So many are handed over. */
  take: (bytes: number) => void
  /** The other end says that it is used up. */
  end: () => void
  /** What ends a tunnel once it is used up. */
  error: () => MeshError
  /** Why the connection was cut; undefined where nothing is known of it. */
  cut: () => MeshError | undefined
}

/** A stream, and what it runs on. */
export interface DialledStream {
  stream: Stream
  path: PathClass
  /** Whether the connection ends by itself soon: its streams hear of that a moment before it does. Absent: it does not. */
  isEnding?: (signal: AbortSignal | undefined) => Promise<boolean>
  /** Where somebody in between bounds what it may carry. */
  allowance?: Allowance | undefined
}

/** Opens a libp2p stream of the tunnel protocol to an admitted peer, over the best connection there is. */
export interface StreamDialer {
  /**
   * Nothing has come from the peer yet where its connection was open before.
   * @throws MeshError UNREACHABLE, STALE_ROUTE, NOT_A_MEMBER, CONNECTION_LOST, TIMEOUT
   */
  open: (peer: PeerId, protocol: string, options: { signal: AbortSignal }) => Promise<DialledStream>
}

/** What flows back to the control plane. */
export interface PathEvents {
  onPathOk?: (peer: PeerId, path: PathClass, rttMs: number, service: string) => void
  onPathFailed?: (peer: PeerId, code: ErrorCode) => void
  /** The peer was reached, and said that the program behind the service was not. */
  onServiceFailed?: (peer: PeerId, service: string, code: ErrorCode) => void
}

/** A socket that takes connections. */
export type SocketAddress = { type: 'tcp'; host: string; port: number } | { type: 'unix'; path: string }

/** Where a service lives, or the program that is started for each of its tunnels. */
export type UpstreamAddress = SocketAddress | { type: 'stdio'; command: readonly string[] }

export type ServiceKind = 'http' | 'grpc' | 'tcp' | 'ssh' | 'stdio'

/** A local endpoint that this node offers to other members. */
export interface Service {
  name: string
  kind: ServiceKind
  address: UpstreamAddress
  /** Capability paths that this service answers. */
  capabilities: string[]
  /** It reads a header of the PROXY protocol, version 2, before the first byte of the caller. */
  wantsProxyHeader?: boolean
}
