import type { Duplex } from 'node:stream'
import type {
  DialRequest,
  DialResponse,
  FindRequest,
  FindResponse,
  ForwardDocument,
  ForwardRequest,
  InviteRequest,
  InviteResponse,
  MtuResponse,
  NetcheckResponse,
  NetworkInfo,
  NodeEvent,
  PeerDocument,
  PingResponse,
  PolicyCheckResponse,
  PolicyDocument,
  PolicyPushResponse,
  PolicyRequest,
  PolicySignResponse,
  PolicyStatusDocument,
  ProxyDocument,
  ProxyRequest,
  PublishRequest,
  PublishResponse,
  RenewResponse,
  RevocationDocument,
  RevokeRequest,
  RotateResponse,
  ServeRequest,
  ServeResponse,
  ServiceDocument,
  SignRequest,
  SignResponse,
  Status,
  Vocabulary,
  WhoisResponse,
  WhyRequest,
  WhyResponse
} from '@agent-mesh/wire/api'
import type { Exposition } from './metrics/meter.ts'

export interface ConnectOptions {
  signal: AbortSignal
  /** What it is for, where the target names no service; both as a proxy would be told, see docs/explanation/names.md. */
  port?: number | undefined
  kind?: string | undefined
}

/** A tunnel, and who is at its other end. */
export interface Connected {
  tunnel: Duplex
  peerId: string
  service: string
  /** Member name, where it is known. */
  name?: string | undefined
  /** What the target was taken for, as `alice/web` or `cap:language_processing/translation`. */
  target?: string | undefined
}

/**
 * What the local API calls: one method per route, plain documents in and out, MeshError for every refusal.
 * The running node implements it; the API server knows nothing else of the node.
 */
export interface LocalNode {
  status: () => Promise<Status>
  network: () => NetworkInfo
  invite: (request: InviteRequest) => Promise<InviteResponse>
  revoke: (request: RevokeRequest) => Promise<RevocationDocument>
  revocations: () => RevocationDocument[]
  signCertificate: (request: SignRequest) => Promise<SignResponse>
  renewCertificate: () => Promise<RenewResponse>
  rotateKey: () => Promise<RotateResponse>
  serve: (name: string, request: ServeRequest) => Promise<ServeResponse>
  unserve: (name: string) => Promise<void>
  services: () => ServiceDocument[]
  policy: () => PolicyDocument
  pushPolicy: (request: PolicyRequest) => Promise<PolicyPushResponse>
  checkPolicy: (request: PolicyRequest) => Promise<PolicyCheckResponse>
  signPolicy: (request: PolicyRequest) => Promise<PolicySignResponse>
  policyStatus: () => PolicyStatusDocument
  publish: (request: PublishRequest) => Promise<PublishResponse>
  unpublish: (capability: string) => Promise<PublishResponse>
  find: (request: FindRequest, options: { signal: AbortSignal }) => Promise<FindResponse>
  peers: () => Promise<PeerDocument[]>
  dial: (request: DialRequest, options: { signal: AbortSignal }) => Promise<DialResponse>
  ping: (request: DialRequest, options: { signal: AbortSignal }) => Promise<PingResponse>
  mtu: (request: DialRequest, options: { signal: AbortSignal }) => Promise<MtuResponse>
  netcheck: (options: { signal: AbortSignal }) => Promise<NetcheckResponse>
  why: (request: WhyRequest, options: { signal: AbortSignal }) => Promise<WhyResponse>
  addForward: (request: ForwardRequest) => Promise<ForwardDocument>
  removeForward: (idOrListen: string) => Promise<ForwardDocument>
  forwards: () => ForwardDocument[]
  addProxy: (request: ProxyRequest) => Promise<ProxyDocument>
  removeProxy: (idOrListen: string) => Promise<ProxyDocument>
  proxies: () => ProxyDocument[]
  whois: (address: string) => WhoisResponse
  /** One tunnel as a duplex: half-close is the end of a direction, a destroyed side carries a MeshError. */
  connect: (target: string, options: ConnectOptions) => Promise<Connected>
  /** Words for the completion of a command line. */
  vocabulary: () => Vocabulary
  /** Everything that this node counts, in a format of Prometheus. @param accept - of the request */
  metrics: (accept: string) => Promise<Exposition>
  /** Calls back until the returned function is called. */
  onEvent: (listener: (event: NodeEvent) => void) => () => void
  /** Graceful stop: says goodbye, drains, closes. */
  stop: () => Promise<void>
}
