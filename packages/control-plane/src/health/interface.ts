import type { PeerId } from '@libp2p/interface'

/**
 * `unreachable`: this node cannot reach it, but others can. `left`: it said goodbye. The states of members that this node
 * never heard of are unknown, which is no state.
 */
export type HealthState = 'alive' | 'suspect' | 'unreachable' | 'dead' | 'left'

/** What the active check of the program behind a service says; `unchecked` where none is configured or none has run. */
export type ServiceState = 'healthy' | 'failing' | 'unchecked'

export interface ServiceHealth {
  /** As in the record of the node. */
  name: string
  state: ServiceState
  /** Since when, by the clock of the node that says so, in milliseconds since 1970. */
  sinceMs: number
  /** Why it is failing; for people, bounded. */
  reason?: string
  /** How much of the work this agent wants, beside others that offer the same; 1 where nothing else is said. */
  weight: number
}

export interface NodeLoad {
  /** How late timers fire, as a moving maximum. */
  eventLoopLagMs: number
  /** Tunnels to services of the node that are open. */
  tunnels: number
}

/** The way from one node to a neighbour of it. */
export interface NeighbourHealth {
  peerId: string
  rttMs: number
  jitterMs: number
  /**
   * How many of the last 64 probes found no answer in time. Over a stream that says that the way, or the other node, stood
   * still; what was lost underneath is sent again by TCP and cannot be seen here.
   */
  stalls: number
  /** Share of the packets to it that were lost, 0 to 1; absent where nothing can tell: it takes UDP echoes. */
  loss?: number
  /** The same of the packets from it. */
  lossIn?: number
}

/** What a member says of itself, signed by it. */
export interface Digest {
  peerId: string
  /** Raised by the member itself to refute what others say of it, and at each start. */
  incarnation: number
  /** Counts up within an incarnation. */
  sequence: number
  /** Milliseconds since 1970, by the member's clock. */
  timeMs: number
  load: NodeLoad
  services: ServiceHealth[]
  neighbours: NeighbourHealth[]
}

/** What is known here of one member. */
export interface PeerHealth {
  peerId: string
  state: HealthState
  /** Since when, by the clock here, in milliseconds since 1970. */
  sinceMs: number
  /** Who or what says so: one clause for people. */
  reason: string
  incarnation: number
  /** Measured from here; absent where the two are not connected. */
  rttMs?: number
  jitterMs?: number
  /** As in {@link NeighbourHealth}. */
  stalls?: number
  /** For how long probes have gone unanswered; absent where the last one was answered. */
  stalledMs?: number
  /** As in {@link NeighbourHealth}. */
  loss?: number
  lossIn?: number
  /** Packets pass in one direction alone. */
  isAsymmetric?: boolean
  /** The last one; absent where none came yet. */
  digest?: Digest
}

export type HealthListener = (peer: PeerHealth, before: HealthState | undefined) => void

/** Who is alive, as far as it is known here. Every other part of the control plane asks here. */
export interface HealthView {
  of: (peer: PeerId) => PeerHealth | undefined
  all: () => PeerHealth[]
  /** Called for every change of a state. @returns the way to stop listening */
  onChange: (listener: HealthListener) => () => void
}

/** What this node says of itself; asked whenever a digest is due. */
export interface SelfHealth {
  load: () => NodeLoad
  services: () => ServiceHealth[]
}
