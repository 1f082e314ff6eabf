import { peerIdFromString } from '@libp2p/peer-id'
import { limits, looksLikePeerId, MeshError, parseCapability, parseName, parseTarget } from '@agent-mesh/wire'
import {
  answererOf,
  deadline,
  pathClassOf,
  type Admission,
  type Dialler,
  type Discovery,
  type HealthView,
  type PeerHealth,
  type Resolver,
  type RouteCandidate,
  type VerifiedRecord
} from '@agent-mesh/control-plane'
import type { Connection, PeerId } from '@libp2p/interface'
import type { Ping } from '@libp2p/ping'
import type {
  CandidateDocument,
  DialRequest,
  DialResponse,
  FindRequest,
  FindResponse,
  MtuResponse,
  PeerDocument,
  PingResponse,
  Status
} from '@agent-mesh/wire/api'

import { TcpCounters } from '../host/tcp-info.ts'
import { carrierUseOf } from './carriers.ts'
import { tcpEndpointOf } from './endpoint.ts'
import { healthDocument } from './health.ts'
import { reportMtu } from './mtu-report.ts'
import type { NodePaths } from './paths.ts'
import { underlayDocument, type NodeWatch } from './underlay-watch.ts'

export interface ReachInit {
  self: PeerId
  admission: Admission
  discovery: Discovery
  resolver: Resolver
  dialler: Dialler
  paths: Pick<NodePaths, 'standing' | 'hurry' | 'measure' | 'choose'>
  /** `protocols(networkId).underlay`. */
  protocol: string
  /** For members that know no echoes. */
  ping: Ping
  lookupTimeoutMs: number
  health: Pick<HealthView, 'all'>
  watch: Pick<NodeWatch, 'figures' | 'isSized' | 'mtu'>
  trafficOf: (peer: PeerId) => Pick<PeerDocument, 'tunnels' | 'bytesIn' | 'bytesOut'>
  /** What ends host names of the mesh. */
  suffix: string
}

/** Some ten sizes, by ping and by UDP, each three times where it does not pass; and what bytes cost. */
const mtuTimeoutMs = 60_000

type Waiting = { signal: AbortSignal }

/** Finding and reaching other agents, as the local API shows it. */
export class Reach {
  readonly #init: ReachInit
  readonly #tcp = new TcpCounters()
  readonly #rtts = new Map<string, number>()

  constructor(init: ReachInit) {
    this.#init = init
    init.admission.onChange((change, peer) => {
      if (change === 'gone') this.#rtts.delete(peer.toString())
    })
  }

  /** @throws MeshError CAPABILITY_INVALID, NAME_INVALID */
  async find({ query, limit = 32, timeoutMs }: FindRequest, { signal }: Waiting): Promise<FindResponse> {
    const started = performance.now()
    const until = deadline(timeoutMs ?? this.#init.lookupTimeoutMs, signal)
    const { capability, records, isNamed } = await this.#lookUp(query, limit, until)
    const ranked = this.#init.resolver.rank(
      records.map((record) =>
        capability === undefined || isNamed
          ? { peerId: record.peerId, isAnswered: true }
          : answererOf(record, capability)
      )
    )
    // Whoever names an agent wants to hear of it, whatever its state.
    const isShown = (one: RouteCandidate): boolean => isNamed || one.isUsable
    const suggestions =
      records.length > 0 || capability === undefined
        ? []
        : await this.#init.discovery.suggest(capability, { signal: until }).catch(() => [])
    return {
      candidates: ranked.filter(isShown).flatMap(candidateDocument),
      leftOut: ranked.filter((one) => !isShown(one)).flatMap(candidateDocument),
      suggestions,
      elapsedMs: Math.round(performance.now() - started)
    }
  }

  async #lookUp(
    query: string,
    limit: number,
    signal: AbortSignal
  ): Promise<{ capability?: string; records: VerifiedRecord[]; isNamed: boolean }> {
    const { discovery } = this.#init
    if (looksLikePeerId(query)) {
      const record = await discovery.record(peerIdFromString(query), { signal })
      return { records: record === undefined || record.isWithdrawn ? [] : [record], isNamed: true }
    }
    const capability = parseCapability(query.startsWith('cap:') ? query.slice(4) : query)
    const records: VerifiedRecord[] = []
    for await (const record of discovery.find(capability, { signal, limit })) records.push(record)
    if (records.length > 0 || query.startsWith('cap:') || !isName(query)) return { capability, records, isNamed: false }
    return { capability, records: await discovery.findName(query, { signal }), isNamed: true }
  }

  /** @throws MeshError of resolving and of dialling */
  async dial(request: DialRequest, { signal }: Waiting): Promise<DialResponse> {
    const { connection, name } = await this.#connect(request, signal)
    if (request.isWaitingForBetter === true) this.#init.paths.hurry(connection.remotePeer)
    const rttMs = await this.#measure(connection, signal)
    return {
      peerId: connection.remotePeer.toString(),
      ...(name === undefined ? {} : { name }),
      path: pathClassOf(connection),
      ...this.#reasonOf(connection.remotePeer),
      rttMs,
      addresses: this.#init.admission.connections(connection.remotePeer).map((one) => one.remoteAddr.toString())
    }
  }

  async ping(request: DialRequest, options: Waiting): Promise<PingResponse> {
    const { addresses: _, ...answer } = await this.dial(request, options)
    return answer
  }

  /** The largest packet on the path to an agent. @throws MeshError as `dial`; UNREACHABLE where UDP does not go there */
  async mtu(request: DialRequest, { signal }: Waiting): Promise<MtuResponse> {
    const startedMs = performance.now()
    const { admission, resolver, suffix, watch } = this.#init
    const until = deadline(request.timeoutMs ?? mtuTimeoutMs, signal)
    const [candidate] = await resolver.resolve(parseTarget(request.target, suffix), { signal: until })
    if (candidate === undefined) throw new MeshError('NOT_FOUND')
    const { peerId: peer, name } = candidate
    // A path that swallows packets lets no new connection come about: only where there is nothing, one is dialled.
    const isKnown = admission.connections(peer).length > 0 || watch.isSized(peer)
    if (!isKnown) await this.#connect(request, until)
    const { paths, protocol } = this.#init
    const found = await reportMtu({ admission, paths, watch, tcp: this.#tcp, protocol }, peer, until)
    return {
      peerId: peer.toString(),
      ...(name === undefined ? {} : { name }),
      ...found,
      elapsedMs: Math.round(performance.now() - startedMs)
    }
  }

  #tcpOf({ remoteAddr }: Connection): Pick<PeerDocument, 'tcp'> {
    const remote = tcpEndpointOf(remoteAddr)
    const tcp = remote === undefined ? undefined : this.#tcp.of(remote)
    return tcp === undefined ? {} : { tcp }
  }

  async #connect(
    { target: text, timeoutMs }: DialRequest,
    signal: AbortSignal
  ): Promise<{ connection: Connection; name?: string }> {
    const until = deadline(timeoutMs ?? limits.dialTimeoutMs + limits.lookupTimeoutMs, signal)
    const candidates = await this.#init.resolver.resolve(parseTarget(text, this.#init.suffix), { signal: until })
    let lastError: unknown = new MeshError('NOT_FOUND')
    for (const { peerId, name } of candidates) {
      if (peerId.equals(this.#init.self)) throw new MeshError('USAGE', `${text} is this node itself.`)
      try {
        return {
          connection: await this.#init.dialler.connect(peerId, { signal: until }),
          ...(name === undefined ? {} : { name })
        }
      } catch (err) {
        lastError = err
      }
    }
    throw lastError
  }

  async #measure(connection: Connection, signal: AbortSignal): Promise<number> {
    const { paths, ping } = this.#init
    const rttMs = await paths.measure(connection, signal).catch(async (err: unknown) => {
      if (err instanceof Error && err.name === 'UnsupportedProtocolError')
        return ping.ping(connection.remotePeer, { signal })
      throw err
    })
    this.#rtts.set(connection.remotePeer.toString(), rttMs)
    return rttMs
  }

  #reasonOf(peer: PeerId): { pathReason?: string } {
    const { reason } = this.#init.paths.standing(peer)
    return reason === undefined ? {} : { pathReason: reason }
  }

  async peers(): Promise<PeerDocument[]> {
    await this.#tcp.refresh()
    const { admission, health } = this.#init
    const watched = new Map(health.all().map((one) => [one.peerId, one]))
    const connected = admission.members().flatMap((peer) => this.#connectedPeer(peer, watched.get(peer.toString())))
    const others = [...watched.values()].flatMap((one) => this.#knownPeer(one))
    return [...connected, ...others]
  }

  /** Connected members by the path to each. */
  paths(): NonNullable<Status['paths']> {
    const { admission, paths } = this.#init
    const counts: NonNullable<Status['paths']> = {}
    for (const peer of admission.members()) {
      const { path } = paths.standing(peer)
      if (path !== undefined) counts[path] = (counts[path] ?? 0) + 1
    }
    return counts
  }

  #connectedPeer(peer: PeerId, health: PeerHealth | undefined): PeerDocument[] {
    const { admission, trafficOf } = this.#init
    const membership = admission.membership(peer)
    const connections = admission.connections(peer)
    const [first] = connections
    if (membership === undefined || first === undefined) return []
    const rttMs = this.#rtts.get(peer.toString()) ?? health?.rttMs
    const path = this.#init.paths.standing(peer).path ?? pathClassOf(first)
    const carrier = path === 'relayed' ? connections.map(carrierUseOf).findLast((one) => one !== undefined) : undefined
    return [
      {
        peerId: peer.toString(),
        name: membership.name,
        groups: membership.groups,
        state: 'connected',
        path,
        ...this.#reasonOf(peer),
        ...(carrier === undefined ? {} : { carrier }),
        direction: first.direction,
        addresses: connections.map((one) => one.remoteAddr.toString()),
        ...(rttMs === undefined ? {} : { rttMs }),
        sinceMs: Math.min(...connections.map((one) => one.timeline.open)),
        ...trafficOf(peer),
        ...this.#tcpOf(first),
        ...underlayDocument(this.#init.watch.figures(peer.toString())),
        ...(health === undefined ? {} : { health: healthDocument(health) })
      }
    ]
  }

  /** A member that others, or earlier connections, told of. */
  #knownPeer(health: PeerHealth): PeerDocument[] {
    const { admission } = this.#init
    const peer = peerIdFromString(health.peerId)
    const membership = admission.membership(peer)
    if (admission.connections(peer).length > 0 || membership === undefined) return []
    const { name, groups } = membership
    const { peerId, sinceMs } = health
    const document = healthDocument(health)
    return [{ peerId, name, groups, state: 'known', addresses: [], sinceMs, tunnels: 0, health: document }]
  }
}

const candidateDocument = (one: RouteCandidate): CandidateDocument[] => {
  const { peerId, record, service, path, reason, tier, isUsable, weight, behindBy, values } = one
  if (record === undefined) return []
  return [
    {
      peerId: peerId.toString(),
      name: record.membership.name,
      groups: record.membership.groups,
      capabilities: record.capabilities,
      services: record.services,
      ...(service === undefined ? {} : { service }),
      ...(path === undefined ? {} : { path }),
      addresses: record.addresses.map((address) => address.toString()),
      reason,
      recordExpiresMs: record.expiresMs,
      standing: { tier, isUsable, weight, values, ...(behindBy === undefined ? {} : { behindBy }) }
    }
  ]
}

const isName = (text: string): boolean => {
  try {
    return parseName(text) === text
  } catch {
    return false
  }
}
