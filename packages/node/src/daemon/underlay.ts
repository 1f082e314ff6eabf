import { randomBytes } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { limits, protocols, type NetworkId } from '@agent-mesh/wire'
import { askStun, deadline, judgeMappings, natKindOf, type Endpoint, type StunAnswer } from '@agent-mesh/control-plane'
import type { NetcheckResponse } from '@agent-mesh/wire/api'
import type { Connection, PeerId } from '@libp2p/interface'
import type { Config } from '../config/schema.ts'
import type { Host } from '../host/create-host.ts'
import { openUdp, type UdpSocket } from '../host/udp.ts'
import { isPublic, tcpEndpointOf } from './endpoint.ts'
import { NodeEchoPorts } from './echo-ports.ts'
import type { EventBus } from './event-bus.ts'
import { measureFiltering, type Witness } from './nat-filter.ts'
import { StunServer } from './stun-server.ts'

interface UnderlayInit {
  networkId: NetworkId
  config: Pick<Config, 'stun' | 'listen' | 'announce' | 'underlay' | 'webrtc'>
  host: Pick<Host, 'services' | 'getMultiaddrs'>
  events: Pick<EventBus, 'emit'>
}

/** What this node knows of the network below the mesh. */
export interface Underlay {
  start: () => Promise<void>
  stop: () => Promise<void>
  /** Members that have answered STUN, `host:port`. */
  stunServers: () => string[]
  /** Where UDP echoes among members come from and go to. */
  readonly echoPorts: NodeEchoPorts
  /** Looks at it now, in some four seconds. */
  netcheck: (options: { signal: AbortSignal }) => Promise<NetcheckResponse>
}

/** A server of STUN, and whose it is. */
interface Server {
  endpoint: Endpoint
  peer?: PeerId
}

interface Asked extends Server {
  answer?: StunAnswer
}

/** So often a node that nobody can dial looks which members answer. */
const lookMs = 60_000

const text = ({ host, port }: Endpoint): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)

const readEndpoint = (server: string): Endpoint => {
  const at = server.lastIndexOf(':')
  return { host: server.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(server.slice(at + 1)) }
}

const ownAddresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .map(({ address }) => address)

export const createUnderlay = ({ networkId, config, host, events }: UnderlayInit): Underlay => {
  const { admission, bound, portMapping, relay, ping } = host.services
  const addresses = () => host.getMultiaddrs()
  const server = new StunServer({
    config,
    admission,
    bound: () => bound.addresses(),
    addresses,
    events,
    onDatagram: (bytes, from, socket) => echoPorts.take(bytes, from, socket)
  })
  const echoPorts = new NodeEchoPorts({ config, served: () => server.sockets })
  const stopping = new AbortController()
  let answering: string[] = []
  let timer: NodeJS.Timeout | undefined

  /** Whom this node has dialled has told it an address that works; a member answers on the UDP port of that number. */
  const members = (): Server[] => {
    const found = admission.members().flatMap((peer): Server[] => {
      const dialled = admission.connections(peer).filter(({ direction }) => direction === 'outbound')
      const endpoint = dialled.flatMap(({ remoteAddr }) => tcpEndpointOf(remoteAddr) ?? [])[0]
      return endpoint === undefined ? [] : [{ endpoint, peer }]
    })
    return found.slice(0, limits.stunServers)
  }

  /** Members that have answered from outside the gateway, each with its connection to the host that has answered. */
  const witnesses = (asked: Asked[]): Witness[] => {
    const own = ownAddresses()
    const isInside = ({ answer }: Asked): boolean => own.includes(answer?.mapped.host ?? '')
    const outside = asked.filter((one) => one.answer !== undefined && !isInside(one))
    return (outside.length === 0 ? asked : outside).flatMap(({ endpoint, peer, answer }): Witness[] => {
      const connections = peer === undefined || answer === undefined ? [] : admission.connections(peer)
      const connection = connections.find(({ remoteAddr }) => tcpEndpointOf(remoteAddr)?.host === endpoint.host)
      return connection === undefined ? [] : [{ endpoint, connection }]
    })
  }

  const stunServers = (): string[] => answering

  const look = async (): Promise<void> => {
    // whoever can be dialled needs no servers, and a way that never leaves the house needs none either
    if (addresses().some(isPublic)) return
    const known = members().filter((one) => one.peer !== undefined && isReachedOutside(admission.connections(one.peer)))
    const families = await ask(known, AbortSignal.any([deadline(limits.stunAnswerMs), stopping.signal]))
    const asked = families.flatMap((family) => family.asked)
    answering = asked.filter(({ answer }) => answer !== undefined).map(({ endpoint }) => text(endpoint))
  }

  const netcheck: Underlay['netcheck'] = async ({ signal }) => {
    const startedMs = performance.now()
    const until = AbortSignal.any([deadline(limits.stunAnswerMs), signal, stopping.signal])
    const configured = config.webrtc.stun.map((one) => ({ endpoint: readEndpoint(one) }))
    const [families, relays] = await Promise.all([
      ask([...configured, ...members()], until),
      Promise.all(
        relay.held
          .all()
          .flatMap(({ relay: peer, isCarrier }) => (isCarrier === true ? [] : [relayDocument(peer, until)]))
      )
    ])
    const asked = families.flatMap((family) => family.asked)
    const sockets = families.map((family) => ({
      localPort: family.localPort,
      sightings: family.asked.flatMap(({ endpoint, answer }) =>
        answer === undefined ? [] : [{ server: endpoint, mapped: answer.mapped }]
      )
    }))
    const works = asked.some(({ answer }) => answer !== undefined)
    const mapping = judgeMappings(sockets, ownAddresses())
    const stop = AbortSignal.any([signal, stopping.signal])
    const { filtering, reason } = await measureFiltering(witnesses(asked), protocols(networkId).underlay, stop)
    const state = portMapping?.state()
    return {
      addresses: addresses().map(String),
      udp: asked.length === 0 ? 'untested' : works ? 'works' : 'silent',
      mapping,
      filtering,
      ...(reason === undefined ? {} : { filteringReason: reason }),
      kind: natKindOf(mapping, filtering),
      servers: asked.map(({ endpoint, peer, answer }) => ({
        server: text(endpoint),
        ...(peer === undefined ? {} : { peerId: peer.toString(), ...nameOf(peer) }),
        ...(answer === undefined ? {} : { mapped: text(answer.mapped), rttMs: answer.rttMs })
      })),
      ...(state === undefined ? {} : { portMapping: { ...state } }),
      relays,
      stun: { endpoints: server.endpoints.map(text), ...server.counts },
      elapsedMs: Math.round(performance.now() - startedMs)
    }
  }

  const nameOf = (peer: PeerId): { name?: string } => {
    const name = admission.membership(peer)?.name
    return name === undefined ? {} : { name }
  }

  const relayDocument = async (peer: PeerId, signal: AbortSignal): Promise<NetcheckResponse['relays'][number]> => {
    const rttMs = await ping.ping(peer, { signal }).catch(() => undefined)
    return { peerId: peer.toString(), ...nameOf(peer), ...(rttMs === undefined ? {} : { rttMs }) }
  }

  return {
    stunServers,
    netcheck,
    echoPorts,
    start: async () => {
      await server.start()
      timer ??= setInterval(() => void look().catch(() => {}), lookMs).unref()
    },
    stop: async () => {
      clearInterval(timer)
      timer = undefined
      stopping.abort()
      await server.stop()
      await echoPorts.close()
    }
  }
}

const isReachedOutside = (connections: Connection[]): boolean =>
  connections.some(({ remoteAddr, direction }) => direction === 'outbound' && isPublic(remoteAddr))

/** One socket asks them all: only so do different answers mean different mappings. */
const askFrom = async (
  any: string,
  servers: Server[],
  signal: AbortSignal
): Promise<{ asked: Asked[]; localPort: number }> => {
  const socket: UdpSocket | undefined =
    servers.length === 0 ? undefined : await openUdp({ host: any, port: 0 }).catch(() => undefined)
  if (socket === undefined) return { asked: servers, localPort: 0 }
  try {
    const init = { datagrams: socket, now: () => performance.now(), randomBytes }
    const asked = servers.map(async (server): Promise<Asked> => {
      const answer = await askStun(init, server.endpoint, signal).catch(() => undefined)
      return answer === undefined ? server : { ...server, answer }
    })
    return { asked: await Promise.all(asked), localPort: socket.local.port }
  } finally {
    await socket.close()
  }
}

/** @returns what the socket of each family was told, that of IPv4 first */
const ask = async (servers: Server[], signal: AbortSignal): Promise<Array<{ asked: Asked[]; localPort: number }>> => {
  const families = [
    ['0.0.0.0', servers.filter(({ endpoint }) => !endpoint.host.includes(':'))],
    ['::', servers.filter(({ endpoint }) => endpoint.host.includes(':'))]
  ] as const
  return Promise.all(families.map(async ([any, some]) => askFrom(any, some, signal)))
}
