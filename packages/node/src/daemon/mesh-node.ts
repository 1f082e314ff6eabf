import { peerIdFromString } from '@libp2p/peer-id'
import { formatTarget, MeshError } from '@agent-mesh/wire'
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
  ProxyDocument,
  ProxyRequest,
  PublishRequest,
  PublishResponse,
  RenewResponse,
  RevocationDocument,
  RevokeRequest,
  RotateResponse,
  ServeRequest,
  PolicyCheckResponse,
  PolicyDocument,
  PolicyPushResponse,
  PolicyRequest,
  PolicySignResponse,
  PolicyStatusDocument,
  ServeResponse,
  ServiceDocument,
  Setting,
  SignRequest,
  SignResponse,
  Status,
  Vocabulary,
  WhoisResponse,
  WhyRequest,
  WhyResponse
} from '@agent-mesh/wire/api'
import { certificateStage } from '@agent-mesh/identity'
import { multiaddr } from '@multiformats/multiaddr'
import type { Admission, RevocationKeeper } from '@agent-mesh/control-plane'
import type { DataPlane } from '@agent-mesh/data-plane'
import type { ConnectOptions, Connected, LocalNode } from '../local-node.ts'
import type { Exposition } from '../metrics/meter.ts'
import { describeNetwork } from '../network/network-info.ts'
import type { StateFiles } from '../state/documents.ts'
import type { Identity } from '../state/identity.ts'
import { version } from '../version.ts'
import type { Audit } from './audit.ts'
import type { Doors } from './doors.ts'
import type { EventBus } from './event-bus.ts'
import type { NodeHealth } from './health.ts'
import type { Invitations } from './invitations.ts'
import type { Issuance } from './issuance.ts'
import { rotateKey } from './key-rotation.ts'
import type { Metering } from './metering.ts'
import { signOffline } from './offline-signing.ts'
import type { Offers } from './offers.ts'
import type { Policies, PolicyInput } from './policies.ts'
import type { NodeProxies } from './proxies.ts'
import type { Reach } from './reach.ts'
import type { Relaying } from './relaying.ts'
import type { Why } from '../why/why.ts'
import type { Standing } from './standing.ts'
import type { Underlay } from './underlay.ts'
import type { NodeWatch } from './underlay-watch.ts'

export interface MeshNodeParts {
  stateDir: string
  files: StateFiles
  startedMs: number
  credentials: Identity
  settings: Setting[]
  addresses: () => string[]
  routingTableSize: () => number
  knownPeers: () => number
  admission: Admission
  audit: Pick<Audit, 'warnings'>
  dataPlane: DataPlane
  doors: Doors
  events: EventBus
  invitations: Invitations
  issuance: Issuance
  metering: Metering
  standing: Standing
  revocations: RevocationKeeper
  offers: Offers
  policies: Policies
  proxies: NodeProxies
  reach: Reach
  relaying: Pick<Relaying, 'carriers' | 'warnings'>
  health: Pick<NodeHealth, 'counts'>
  vocabulary: () => Vocabulary
  why: Why
  underlay: Pick<Underlay, 'netcheck'>
  watch: Pick<NodeWatch, 'warnings'>
  stop: () => Promise<void>
}

const policyInput = (request: PolicyRequest): PolicyInput =>
  'signed' in request ? { file: request.file, signed: Buffer.from(request.signed, 'base64') } : request

/** A running node as the local API sees it: each method is a call into the room of that name. */
export class MeshNode implements LocalNode {
  readonly #parts: MeshNodeParts
  #stopping: Promise<void> | undefined

  constructor(parts: MeshNodeParts) {
    this.#parts = parts
  }

  async status(): Promise<Status> {
    const {
      admission,
      dataPlane,
      doors,
      offers,
      stateDir,
      startedMs,
      settings,
      addresses,
      routingTableSize,
      knownPeers
    } = this.#parts
    const { publication } = offers
    return {
      version,
      pid: process.pid,
      startedMs,
      stateDir,
      settings,
      network: this.network(),
      addresses: addresses(),
      health: this.#parts.health.counts(),
      paths: this.#parts.reach.paths(),
      ...this.#parts.relaying.carriers(),
      peers: { connected: admission.members().length, known: knownPeers(), routingTable: routingTableSize() },
      ...(publication === undefined ? {} : { publication }),
      services: offers.services(),
      capabilities: offers.capabilities(),
      forwards: doors.list(),
      proxies: this.proxies(),
      tunnels: dataPlane.tunnels.totals,
      warnings: this.warnings()
    }
  }

  async metrics(accept: string): Promise<Exposition> {
    return this.#parts.metering.expose(accept)
  }

  vocabulary(): Vocabulary {
    return this.#parts.vocabulary()
  }

  warnings(): Status['warnings'] {
    const { admission, audit, doors, offers, proxies } = this.#parts
    const warnings: Status['warnings'] = doors.failures.map(({ listen, error }) => ({
      code: error.code,
      message: `The forward ${listen} is not open: ${error.message}`,
      hint: error.hint
    }))
    for (const { listen, error } of proxies.failures)
      warnings.push({
        code: error.code,
        message: `The proxy ${listen} is not open: ${error.message}`,
        hint: error.hint
      })
    warnings.push(...audit.warnings, ...this.#parts.watch.warnings(), ...this.#parts.relaying.warnings())
    const { pending } = offers.publication ?? {}
    if (pending !== undefined)
      warnings.push({
        code: pending.code,
        message: `Others cannot find this agent yet: ${pending.reason}`,
        hint: 'It is tried again by itself; mesh-node peers'
      })
    if (admission.members().length === 0)
      warnings.push({
        code: 'UNREACHABLE',
        message: 'No other member is connected.',
        hint: 'mesh-node invite, or check that a member of the network runs and is reachable.'
      })
    return [...warnings, ...this.#certificateWarnings()]
  }

  #certificateWarnings(): Status['warnings'] {
    const { credentials, revocations } = this.#parts
    const { membership } = credentials
    if (revocations.isRevoked(membership))
      return [
        {
          code: 'REVOKED',
          message: 'The certificate of this node was revoked: no member admits it.',
          hint: 'mesh-node network leave, then mesh-node join <ticket>, where an admin lets it in again.'
        }
      ]
    const stage = certificateStage(membership, Date.now())
    if (stage !== 'urgent' && stage !== 'over') return []
    const end = new Date(membership.notAfterMs).toISOString()
    return [
      {
        code: 'CERTIFICATE_EXPIRED',
        message: stage === 'over' ? `The certificate ended at ${end}.` : `The certificate ends at ${end}.`,
        hint: membership.isEphemeral
          ? 'It is not renewed. mesh-node join <ticket> makes the node a member again.'
          : stage === 'over'
            ? 'mesh-node down; mesh-node join <ticket>; mesh-node up'
            : 'It is renewed by itself once a member that may admit is reachable; mesh-node cert renew'
      }
    ]
  }

  network(): NetworkInfo {
    return describeNetwork(this.#parts.credentials)
  }

  async invite(request: InviteRequest): Promise<InviteResponse> {
    const response = await this.#parts.invitations.create(request)
    this.#parts.events.emit('info', 'invite:created', { uses: response.uses, expires: response.expires })
    return response
  }

  async revoke(request: RevokeRequest): Promise<RevocationDocument> {
    const revoked = await this.#parts.standing.revocations.revoke(request)
    this.#parts.events.emit('info', 'member:revoked', { peer: revoked.peerId, name: revoked.name ?? '' })
    return revoked
  }

  revocations(): RevocationDocument[] {
    return this.#parts.standing.revocations.list()
  }

  async signCertificate(request: SignRequest): Promise<SignResponse> {
    const { credentials, issuance, addresses, events } = this.#parts
    const signed = await signOffline(request, {
      credentials,
      issuance,
      addresses: () => addresses().map((address) => multiaddr(address).bytes)
    })
    events.emit('info', 'certificate:signed', { peer: signed.peerId, name: signed.name })
    return signed
  }

  async renewCertificate(): Promise<RenewResponse> {
    const { serial, notAfterMs, issuer, isIssuedByRoot } = await this.#parts.standing.ownRenewal.renew()
    return { serial, notAfter: new Date(notAfterMs).toISOString(), issuer: issuer.toString(), isIssuedByRoot }
  }

  async rotateKey(): Promise<RotateResponse> {
    const { credentials, files, issuance, standing, events } = this.#parts
    const rotated = await rotateKey({ identity: credentials, files, issuance, ...standing })
    events.emit('warn', 'key:rotated', { peer: rotated.newPeerId })
    return rotated
  }

  async serve(name: string, request: ServeRequest): Promise<ServeResponse> {
    const response = await this.#parts.offers.serve(name, request)
    this.#parts.events.emit('info', 'service:served', { service: name, address: response.service.address })
    return response
  }

  async unserve(name: string): Promise<void> {
    await this.#parts.offers.unserve(name)
    this.#parts.events.emit('info', 'service:unserved', { service: name })
  }

  policy(): PolicyDocument {
    return this.#parts.policies.show()
  }

  async pushPolicy(request: PolicyRequest): Promise<PolicyPushResponse> {
    const pushed = await this.#parts.policies.push(policyInput(request))
    this.#parts.events.emit('info', 'policy:pushed', { version: pushed.version, hash: pushed.hash })
    return pushed
  }

  async checkPolicy(request: PolicyRequest): Promise<PolicyCheckResponse> {
    return this.#parts.policies.check(policyInput(request))
  }

  async signPolicy(request: PolicyRequest): Promise<PolicySignResponse> {
    const { signed, ...rest } = await this.#parts.policies.sign(policyInput(request))
    return { ...rest, signed: Buffer.from(signed).toString('base64') }
  }

  policyStatus(): PolicyStatusDocument {
    return this.#parts.policies.status()
  }

  services(): ServiceDocument[] {
    return this.#parts.offers.services()
  }

  async publish(request: PublishRequest): Promise<PublishResponse> {
    return this.#parts.offers.publish(request)
  }

  async unpublish(capability: string): Promise<PublishResponse> {
    return this.#parts.offers.unpublish(capability)
  }

  async find(request: FindRequest, options: { signal: AbortSignal }): Promise<FindResponse> {
    return this.#parts.reach.find(request, options)
  }

  async peers(): Promise<PeerDocument[]> {
    return this.#parts.reach.peers()
  }

  async dial(request: DialRequest, options: { signal: AbortSignal }): Promise<DialResponse> {
    return this.#parts.reach.dial(request, options)
  }

  async ping(request: DialRequest, options: { signal: AbortSignal }): Promise<PingResponse> {
    return this.#parts.reach.ping(request, options)
  }

  async mtu(request: DialRequest, options: { signal: AbortSignal }): Promise<MtuResponse> {
    return this.#parts.reach.mtu(request, options)
  }

  async netcheck(options: { signal: AbortSignal }): Promise<NetcheckResponse> {
    return { ...(await this.#parts.underlay.netcheck(options)), ...this.#parts.relaying.carriers() }
  }

  async why(request: WhyRequest, options: { signal: AbortSignal }): Promise<WhyResponse> {
    return this.#parts.why.ask(request, options)
  }

  async addForward(request: ForwardRequest): Promise<ForwardDocument> {
    const document = await this.#parts.doors.add(request)
    this.#parts.events.emit('info', 'forward:opened', { listen: document.listen, target: document.target })
    return document
  }

  async removeForward(idOrListen: string): Promise<ForwardDocument> {
    const document = await this.#parts.doors.remove(idOrListen)
    this.#parts.events.emit('info', 'forward:removed', { listen: document.listen, target: document.target })
    return document
  }

  forwards(): ForwardDocument[] {
    return this.#parts.doors.list()
  }

  async addProxy(request: ProxyRequest): Promise<ProxyDocument> {
    return this.#parts.proxies.add(request)
  }

  async removeProxy(idOrListen: string): Promise<ProxyDocument> {
    return this.#parts.proxies.remove(idOrListen)
  }

  proxies(): ProxyDocument[] {
    return this.#parts.proxies.list()
  }

  whois(address: string): WhoisResponse {
    const { admission, dataPlane } = this.#parts
    const tunnel = dataPlane.tunnels.whois(address)
    if (tunnel === undefined)
      throw new MeshError('NOT_FOUND', `No tunnel ends at ${address}.`, {
        hint: 'Give the remote address that the service sees, while the connection is open.'
      })
    const membership = admission.membership(peerIdFromString(tunnel.peerId))
    return {
      peerId: tunnel.peerId,
      ...(membership === undefined ? {} : { name: membership.name }),
      groups: membership?.groups ?? [],
      service: tunnel.service,
      path: tunnel.path ?? 'direct',
      sinceMs: tunnel.sinceMs
    }
  }

  async connect(target: string, options: ConnectOptions): Promise<Connected> {
    const { dataPlane, proxies } = this.#parts
    const meant = await proxies.targetOf(target, options)
    const { tunnel, candidate, service } = await dataPlane.openTarget(meant, { signal: options.signal })
    const { peerId, name } = candidate
    return { tunnel, peerId: peerId.toString(), service, name, target: formatTarget(meant) }
  }

  onEvent(listener: (event: NodeEvent) => void): () => void {
    return this.#parts.events.on(listener)
  }

  async stop(): Promise<void> {
    this.#stopping ??= this.#parts.stop()
    return this.#stopping
  }
}
