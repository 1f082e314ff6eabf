import type { Connection, PeerId } from '@libp2p/interface'
import type { MeshError, Target } from '@agent-mesh/wire'
import type { ServiceDocument, WhyStep } from '@agent-mesh/wire/api'
import type { Membership } from '@agent-mesh/identity'
import type {
  Admission,
  Dialler,
  PathMemory,
  Resolver,
  RouteCandidate,
  RunningDiscovery,
  VerifiedRecord
} from '@agent-mesh/control-plane'
import type { DataPlane } from '@agent-mesh/data-plane'
import type { Subject } from '../config/allow-list.ts'
import type { Caller, NodeAuthorizer } from '../daemon/authorize.ts'

/** What the layers ask. Those that are optional come with the parts of the mesh that know. */
export interface WhyPorts {
  self: PeerId
  /** What the certificate of this node says at this moment. */
  own: () => Membership
  admission: Pick<Admission, 'connections' | 'has' | 'members' | 'membership' | 'remembered'>
  authorizer: Pick<NodeAuthorizer, 'opinions'>
  dataPlane: Pick<DataPlane, 'openTarget' | 'probeService'>
  dialler: Pick<Dialler, 'connect'>
  discovery: Pick<RunningDiscovery, 'known' | 'record'>
  offers: { services: () => ServiceDocument[] }
  paths: Pick<PathMemory, 'get'>
  ping: { ping: (peer: PeerId, options: { signal: AbortSignal }) => Promise<number> }
  resolver: {
    resolve: (
      ...asked: Parameters<Resolver['resolve']>
    ) => Promise<Array<Pick<RouteCandidate, 'peerId' | 'name' | 'service'>>>
  }
  /** Why the certificate of a peer counts for nothing any more. */
  revocation?: (subject: Subject) => { rule: string } | undefined
  /** What the policy that this node holds says; undefined where there is none. Lines are those of `policy show`. */
  policy?: (
    caller: Subject,
    callee: Subject,
    service: string,
    capabilities: string[]
  ) => { allowed: boolean; rule: string; line?: number } | undefined
  /** What is known of the health of a peer; `isUsable` is absent where only the attempt can tell. */
  health?: (peer: PeerId) => { isUsable?: boolean; text: string } | undefined
  /** Milliseconds since 1970. */
  now?: () => number
}

/** What a tunnel that was opened for the question and closed at once has told. */
export type Probe = { durationMs: number; error?: undefined } | { error: MeshError }

/**
 * Which way the question goes: from here to the service of another agent, from another agent to a service of this one
 * (`--from`), or to a service of this node with nobody named.
 */
type Direction = 'outbound' | 'inbound' | 'self'

/** One question, and what the layers so far have found. */
export interface WhyContext {
  readonly target: Target
  /** As typed. */
  readonly text: string
  readonly from: string | undefined
  readonly ports: WhyPorts
  readonly nowMs: number
  direction: Direction
  /** The other agent: the target, or the one who calls. Set by the first layer. */
  peer: PeerId | undefined
  /** What people call it. */
  name: string
  service: string | undefined
  record: VerifiedRecord | undefined
  membership: Membership | undefined
  connection: Connection | undefined
  /** Opens a tunnel to the service of the other agent, once for all layers. */
  probe: (signal: AbortSignal) => Promise<Probe>
}

/** What a layer says; its name is added. */
export type Finding = Omit<WhyStep, 'layer'>

/** One layer between a caller and a service. */
export interface WhyLayer {
  name: string
  /** Layers are asked from the lowest to the highest. */
  order: number
  /** May throw: that is a failure with its code and remedy. */
  check: (context: WhyContext, options: { signal: AbortSignal }) => Finding | Promise<Finding>
}

export const ok = (text: string, details?: WhyStep['details']): Finding => ({
  verdict: 'ok',
  text,
  ...(details === undefined ? {} : { details })
})

export const skipped = (text: string): Finding => ({ verdict: 'skipped', text })

export const unknown = (text: string): Finding => ({ verdict: 'unknown', text })

/** A failure as its error tells it. */
export const failed = (error: MeshError, more: { text?: string; command?: string; blames?: string } = {}): Finding => ({
  verdict: 'failed',
  text: error.message,
  code: error.code,
  command: error.hint,
  ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
  ...more
})

/** The other agent as the rules see it. */
export const callerOf = ({ ports, peer, membership }: WhyContext): Caller => ({
  peerId: peer?.toString() ?? '',
  name: membership?.name ?? '',
  groups: membership?.groups ?? [],
  isMember: membership !== undefined && peer !== undefined && !peer.equals(ports.self)
})
