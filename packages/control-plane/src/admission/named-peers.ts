import { peerDiscoverySymbol, TypedEventEmitter } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { limits } from '@agent-mesh/wire'
import { BoundedMap } from './bounded-map.ts'
import type {
  Libp2pEvents,
  Logger,
  PeerDiscovery,
  PeerDiscoveryEvents,
  PeerId,
  PeerInfo,
  PeerStore,
  PeerUpdate,
  TypedEventTarget
} from '@libp2p/interface'

export interface NamedPeersInit {
  peerStore: PeerStore
  events: TypedEventTarget<Libp2pEvents>
  log: Logger
  /** Peers that have shown a certificate; they are not bounded here. */
  knows: (peer: PeerId) => boolean
  isAdmitted: (peer: PeerId) => boolean
  most?: number
}

/** The same addresses of the same peer, which every answer of the DHT repeats, are stored so often. */
const storedAgainMs = 30_000

interface Named {
  addresses: Set<string>
  storedMs: number
}

/**
 * Entries of the host's peer store that no certificate vouches for: peers that others named, and strangers that were
 * connected. libp2p keeps whatever a DHT answer names, with all its addresses; here the oldest have to go.
 */
export class NamedPeers {
  readonly #init: NamedPeersInit
  readonly #named: BoundedMap<string, Named>

  constructor(init: NamedPeersInit) {
    this.#init = init
    this.#named = new BoundedMap(init.most ?? limits.namedPeers)
  }

  get size(): number {
    return this.#named.size
  }

  /** Counts what the peer store holds from an earlier run, and listens for more. */
  async start(): Promise<void> {
    this.#init.events.addEventListener('peer:update', this.#onUpdate)
    for (const { id } of await this.#init.peerStore.all()) this.#note(id)
  }

  stop(): void {
    this.#init.events.removeEventListener('peer:update', this.#onUpdate)
    this.#named.clear()
  }

  /** A peer has shown a certificate: it is not only named any more. */
  forget(peer: PeerId): void {
    this.#named.delete(peer.toString())
  }

  /**
   * Of the addresses that were named for a peer, what is to be stored: none where it is here or where all were stored just
   * now, and not more than a record may hold.
   */
  fresh({ id, multiaddrs }: PeerInfo): PeerInfo['multiaddrs'] {
    if (this.#init.isAdmitted(id)) return []
    const named = this.#note(id)
    const { addresses } = named
    const before = addresses.size
    const stored = multiaddrs.filter((address) => {
      const text = address.toString()
      if (!addresses.has(text) && addresses.size < limits.addressesPerRecord) addresses.add(text)
      return addresses.has(text)
    })
    const nowMs = performance.now()
    if (addresses.size === before && nowMs - named.storedMs < storedAgainMs) return []
    named.storedMs = nowMs
    return stored
  }

  readonly #onUpdate = ({ detail: { peer, previous } }: CustomEvent<PeerUpdate>): void => {
    if (previous === undefined && !this.#init.knows(peer.id)) this.#note(peer.id)
  }

  #note(peer: PeerId): Named {
    const id = peer.toString()
    const named = this.#named.get(id) ?? { addresses: new Set(), storedMs: Number.NEGATIVE_INFINITY }
    const evicted = this.#named.set(id, named)
    if (evicted !== undefined) this.#drop(evicted)
    return named
  }

  #drop(id: string): void {
    const { peerStore, knows, log } = this.#init
    const peer = peerIdFromString(id)
    if (knows(peer)) return
    peerStore.delete(peer).catch((err: unknown) => log.error('could not forget %s - %e', id, err))
  }
}

/** Puts {@link NamedPeers.fresh} between a service that discovers peers and the host, which stores all that it hears. */
export const boundDiscovery = (service: object, named: () => NamedPeers): void => {
  const discovery: unknown = Reflect.get(service, peerDiscoverySymbol)
  if (!isDiscovery(discovery)) return
  const bounded: PeerDiscovery = new TypedEventEmitter<PeerDiscoveryEvents>()
  discovery.addEventListener('peer', ({ detail }) => {
    const multiaddrs = named().fresh(detail)
    if (multiaddrs.length > 0) bounded.dispatchEvent(new CustomEvent('peer', { detail: { ...detail, multiaddrs } }))
  })
  Object.defineProperty(service, peerDiscoverySymbol, { value: bounded })
}

const isDiscovery = (value: unknown): value is PeerDiscovery => value instanceof EventTarget
