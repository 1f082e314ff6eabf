import { isLoopback, isPrivate, isLinkLocal } from '@libp2p/utils'
import {
  isRelayed,
  RelayKeeper,
  relayProtocol,
  reserve,
  watchCircuit,
  type CircuitMeter,
  type Dialler,
  type PathDialler,
  type RelayCandidate,
  type RelayUse,
  type Reservation
} from '@agent-mesh/control-plane'
import { limits, toMeshError } from '@agent-mesh/wire'
import type { TunnelRegistry } from '@agent-mesh/data-plane'
import type { CarrierDocument, Status } from '@agent-mesh/wire/api'
import type { Connection, PeerId, PeerUpdate } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { AssembleInit } from './assemble.ts'
import { NodeCarriers } from './carriers.ts'
import type { NodePaths } from './paths.ts'

interface RelayingRooms {
  self: PeerId
  dialler: Dialler
  plainDialler: PathDialler
  nodePaths: Pick<NodePaths, 'spent'>
  dataPlane: { tunnels: Pick<TunnelRegistry, 'closeOn'> }
  /** The addresses of this node are others: its record has to be written anew. */
  publish: () => void
}

export interface Relaying {
  /** Of this node through its relays, without its own peer id. */
  addresses: () => Multiaddr[]
  /** As a relay, and how many places it has at others. */
  use: () => RelayUse & { places: number }
  /** Relays of other networks that the configuration names; nothing where it names none. */
  carriers: () => { carriers?: CarrierDocument[] }
  warnings: () => Status['warnings']
  /** The addresses of this machine are others: whoever said no may be asked again. */
  moved: () => void
  start: () => Promise<void>
  stop: () => Promise<void>
}

/** So often the addresses of this node are looked at, which may become public or stop to be. */
const lookMs = 30_000
/** Of the eight addresses of a record; the others are its own. */
const mostAddresses = 4

const isPublic = (address: Multiaddr): boolean =>
  !isRelayed(address) && !isPrivate(address) && !isLoopback(address) && !isLinkLocal(address)

/** Every laptop has public ones of IPv6, behind firewalls that let nobody in. */
const isV6 = (address: Multiaddr): boolean => address.getComponents()[0]?.name === 'ip6'

const isDirect = ({ remoteAddr, status }: Connection): boolean => status === 'open' && !isRelayed(remoteAddr)

/** The relay that an address leads through, and how to dial it. */
const relayOf = (address: Multiaddr): { peer: string; address: Multiaddr } | undefined => {
  if (!isRelayed(address)) return undefined
  const direct = address.decapsulate('/p2p-circuit')
  const peer = direct.getComponents().findLast(({ name }) => name === 'p2p')?.value
  return peer === undefined ? undefined : { peer, address: direct }
}

/** Relays for others where this node can be dialled, and is called through others where it cannot. */
export const createRelaying = (
  { config, host, book, events }: AssembleInit,
  { self, dialler, plainDialler, nodePaths, dataPlane, publish }: RelayingRooms
): Relaying => {
  const { admission, relay: hostRelay } = host.services
  const { server, held } = hostRelay
  const carriers = new NodeCarriers({ config, host, admission })
  const { serve, use, places } = config.relay
  const isAnnounced = config.announce.length > 0
  const hasPublicAddress = (): boolean =>
    host.getMultiaddrs().some((address) => isPublic(address) && (isAnnounced || !isV6(address)))
  const wantsToServe = (): boolean => serve === 'on' || (serve === 'auto' && hasPublicAddress())
  const wanted = (): number => (use === 'on' || (use === 'auto' && !hasPublicAddress()) ? places : 0)

  /** Relays that other members are reached through, by what their records say. */
  const named = (): Map<string, Multiaddr[]> => {
    const found = new Map<string, Multiaddr[]>()
    for (const { isWithdrawn, addresses } of book.all()) {
      if (isWithdrawn) continue
      for (const address of addresses) {
        const relay = relayOf(address)
        if (relay !== undefined && !carriers.has(relay.peer))
          found.set(relay.peer, [...(found.get(relay.peer) ?? []), relay.address])
      }
    }
    return found
  }

  const doesRelay = async (peer: PeerId): Promise<boolean> => {
    // whom this node has dialled others can dial as well; who has dialled it may be behind a NAT itself
    if (!admission.connections(peer).some((one) => isDirect(one) && one.direction === 'outbound')) return false
    const { protocols } = await host.peerStore.get(peer)
    return protocols.includes(relayProtocol)
  }

  const candidates = async (): Promise<RelayCandidate[]> => {
    const members = admission.members()
    const relays = await Promise.all(members.map(async (peer) => doesRelay(peer).catch(() => false)))
    const connected = new Set(members.map(String))
    return [
      ...members.filter((_, place) => relays[place]).map((peer) => ({ peer: peer.toString(), isConnected: true })),
      ...[...named().keys()].filter((peer) => !connected.has(peer)).map((peer) => ({ peer, isConnected: false })),
      ...carriers.candidates()
    ]
  }

  const connect = async (relay: PeerId, signal: AbortSignal): Promise<Connection> => {
    if (carriers.has(relay.toString())) return carriers.connect(relay, signal)
    const open = admission.connections(relay).find(isDirect)
    return open ?? dialler.connect(relay, { signal, addresses: named().get(relay.toString()) ?? [] })
  }

  const keeper = new RelayKeeper({
    self,
    held,
    admission,
    wanted,
    candidates,
    connect,
    reserve: async (connection, signal) => {
      const place = await reserve(connection, signal)
      return admission.isCarrier(connection) ? carriers.told(place) : place
    },
    onGivenUp: (place) => carriers.leave(place),
    onChange: () => {
      events.emit('info', 'relay:places', { count: held.all().length })
      publish()
    },
    onFailed: (relay, { code, message }) =>
      events.emit('debug', 'relay:refused', { peer: relay.toString(), code, message })
  })
  const onUpdate = ({ detail: { peer, previous } }: CustomEvent<PeerUpdate>): void => {
    if (peer.protocols.includes(relayProtocol) && previous?.protocols.includes(relayProtocol) !== true) keeper.look()
  }
  const onLow = ({ remotePeer, direction }: Connection, { carrier, limit }: CircuitMeter): void => {
    const { bytes = Infinity, seconds = Infinity } = limit
    if (bytes < limits.carrierLeastBytes || seconds * 1_000 < limits.carrierRetryMs) return
    // one of the two is enough, and who has another way needs none
    const isOnly = admission.connections(remotePeer).every((one) => one.limits !== undefined)
    if (direction !== 'outbound' || !isOnly) return
    const signal = AbortSignal.timeout(limits.dialTimeoutMs)
    plainDialler
      .attempt(remotePeer, 'relayed', signal)
      .catch((err: unknown) =>
        events.emit('debug', 'carrier:failed', { peer: remotePeer.toString(), carrier, code: toMeshError(err).code })
      )
  }
  const onSpent = (connection: Connection, meter: CircuitMeter): void => {
    const error = meter.error()
    nodePaths.spent(connection)
    dataPlane.tunnels.closeOn(connection.streams, error)
    const { limit = '', value = '' } = error.details
    const peer = connection.remotePeer.toString()
    events.emit('info', 'carrier:limit', { peer, carrier: meter.carrier, limit: String(limit), value: String(value) })
  }
  const onOpen = ({ detail }: CustomEvent<Connection>): void => watchCircuit(detail, { onLow, onSpent })
  const onClose = ({ detail }: CustomEvent<Connection>): void => keeper.closed(detail)
  const isThere = ({ relay, connection, isCarrier }: Reservation): boolean =>
    isCarrier === true ? connection.status === 'open' : admission.has(relay)
  let timer: NodeJS.Timeout | undefined
  const look = async (): Promise<void> => {
    const isWanted = wantsToServe()
    if (isWanted !== server.use.isServing) events.emit('info', 'relay:serving', { isServing: isWanted })
    await server.serve(isWanted)
  }
  return {
    addresses: () => keeper.addresses().slice(0, mostAddresses),
    use: () => ({ ...server.use, places: held.all().filter(isThere).length }),
    carriers: () => (config.relay.carriers.length === 0 ? {} : { carriers: carriers.documents(keeper) }),
    warnings: () => carriers.warnings(keeper),
    moved: () => keeper.moved(),
    start: async () => {
      await look()
      host.addEventListener('peer:update', onUpdate)
      host.addEventListener('connection:open', onOpen)
      host.addEventListener('connection:close', onClose)
      keeper.start()
      timer = setInterval(() => void look().catch(() => {}), lookMs)
    },
    stop: async () => {
      clearInterval(timer)
      host.removeEventListener('peer:update', onUpdate)
      host.removeEventListener('connection:open', onOpen)
      host.removeEventListener('connection:close', onClose)
      keeper.stop()
      await server.serve(false)
    }
  }
}
