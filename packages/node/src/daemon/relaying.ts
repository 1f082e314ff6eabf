import { isLoopback, isPrivate, isLinkLocal } from '@libp2p/utils'
import {
  isRelayed,
  RelayKeeper,
  relayProtocol,
  type Admission,
  type Dialler,
  type RecordBook,
  type RelayCandidate,
  type RelayUse
} from '@agent-mesh/control-plane'
import type { Connection, PeerId, PeerUpdate } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Config } from '../config/schema.ts'
import type { Host } from '../host/create-host.ts'
import type { EventBus } from './event-bus.ts'

export interface RelayingInit {
  self: PeerId
  config: Pick<Config, 'relay' | 'announce'>
  host: Pick<Host, 'peerStore' | 'services' | 'getMultiaddrs' | 'addEventListener' | 'removeEventListener'>
  admission: Admission
  book: Pick<RecordBook, 'all'>
  dialler: Dialler
  events: EventBus
  /** The addresses of this node are others: its record has to be written anew. */
  publish: () => void
}

export interface Relaying {
  /** Of this node through its relays, without its own peer id. */
  addresses: () => Multiaddr[]
  /** As a relay, and how many places it has at others. */
  use: () => RelayUse & { places: number }
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
export const createRelaying = ({
  self,
  config,
  host,
  admission,
  book,
  dialler,
  events,
  publish
}: RelayingInit): Relaying => {
  const { server, held } = host.services.relay
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
        if (relay !== undefined) found.set(relay.peer, [...(found.get(relay.peer) ?? []), relay.address])
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
      ...[...named().keys()].filter((peer) => !connected.has(peer)).map((peer) => ({ peer, isConnected: false }))
    ]
  }

  const connect = async (relay: PeerId, signal: AbortSignal): Promise<Connection> => {
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
  let timer: NodeJS.Timeout | undefined
  const look = async (): Promise<void> => {
    const isWanted = wantsToServe()
    if (isWanted !== server.use.isServing) events.emit('info', 'relay:serving', { isServing: isWanted })
    await server.serve(isWanted)
  }
  return {
    addresses: () => keeper.addresses().slice(0, mostAddresses),
    use: () => ({ ...server.use, places: held.all().filter(({ relay }) => admission.has(relay)).length }),
    start: async () => {
      await look()
      host.addEventListener('peer:update', onUpdate)
      keeper.start()
      timer = setInterval(() => void look().catch(() => {}), lookMs)
    },
    stop: async () => {
      clearInterval(timer)
      host.removeEventListener('peer:update', onUpdate)
      keeper.stop()
      await server.serve(false)
    }
  }
}
