import { limits, toMeshError } from '@agent-mesh/wire'
import type { Admission, Dialler } from '@agent-mesh/control-plane'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '@libp2p/interface'
import type { Lan } from '../host/lan.ts'
import type { EventBus } from './event-bus.ts'

export interface LanPeersInit {
  self: PeerId
  admission: Pick<Admission, 'has' | 'members'>
  dialler: Pick<Dialler, 'connect'>
  events: Pick<EventBus, 'emit'>
  /** Monotonic milliseconds. */
  now?: () => number
}

/**
 * Dials those who are heard of on the local network, while this node has few others. Whoever shares the network can say
 * anything: a dial proves who is there, and only so many are made.
 */
export class LanPeers {
  readonly #init: LanPeersInit
  readonly #now: () => number
  readonly #dialledMs = new Map<string, number>()
  readonly #over = new AbortController()
  #dials = 0
  #unsubscribe: (() => void) | undefined

  constructor(init: LanPeersInit) {
    this.#init = init
    this.#now = init.now ?? (() => performance.now())
  }

  start(lan: Lan | undefined): void {
    this.#unsubscribe = lan?.onPeer((peer, addresses) => this.heard(peer, addresses))
  }

  stop(): void {
    this.#unsubscribe?.()
    this.#over.abort()
  }

  heard(peer: PeerId, addresses: Multiaddr[]): void {
    const { self, admission, dialler, events } = this.#init
    const id = peer.toString()
    if (self.equals(peer) || admission.has(peer)) return
    if (admission.members().length >= limits.lanMembers || this.#dials >= limits.lanDials) return
    const lastMs = this.#dialledMs.get(id)
    if (lastMs !== undefined && this.#now() - lastMs < limits.lanDialEveryMs) return
    this.#remember(id)
    this.#dials++
    dialler
      .connect(peer, { addresses: addresses.slice(0, limits.addressesPerRecord), signal: this.#over.signal })
      .then(
        () => events.emit('info', 'lan:connected', { peer: id }),
        (err: unknown) => events.emit('debug', 'lan:failed', { peer: id, code: toMeshError(err).code })
      )
      .finally(() => this.#dials--)
  }

  /** The oldest is forgotten where there are too many. */
  #remember(id: string): void {
    this.#dialledMs.delete(id)
    this.#dialledMs.set(id, this.#now())
    const [oldest] = this.#dialledMs.keys()
    if (this.#dialledMs.size > limits.lanPeers && oldest !== undefined) this.#dialledMs.delete(oldest)
  }
}
