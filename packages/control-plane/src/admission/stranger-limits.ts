import { limits } from '@agent-mesh/wire'
import { remoteHost } from './remote-host.ts'
import { TokenBuckets } from './token-buckets.ts'
import type { Connection, ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import type { AdmissionGate } from './admission-init.ts'
import type { Admission } from './interface.ts'

/** What strangers may take of a host. Tests with many nodes behind one address raise the rates. */
export interface StrangerRates {
  /** Connections without a finished hello, handshakes included. */
  pendingConnections: number
  connectionsPerSecond: number
  joinsPerMinutePerHost: number
  joinsPerMinute: number
  joinsInProgress: number
}

export interface StrangerLimitsInit {
  rates?: Partial<StrangerRates>
  /** Asked beside these limits; a connection is denied when either says so. */
  gater?: ConnectionGater
  /** Milliseconds; only differences matter. */
  now?: () => number
}

/** Hosts whose rates are remembered. */
const hostsRemembered = 4096

/**
 * Bounds what strangers may take before anything is known of them. `connectionGater` goes to libp2p, the object itself
 * to the admission and the join service of the same host.
 */
export class StrangerLimits implements AdmissionGate {
  readonly connectionGater: ConnectionGater
  readonly #rates: StrangerRates
  readonly #connections: TokenBuckets
  readonly #hostJoins: TokenBuckets
  readonly #joins: TokenBuckets
  /** By the timeline, which is the one object that a raw connection and its upgraded form share. */
  readonly #pending = new Map<object, string>()
  #joinsInProgress = 0
  #admission: Admission | undefined
  #isDenied: (peer: PeerId) => boolean = () => false

  constructor({ rates = {}, gater = {}, now = () => performance.now() }: StrangerLimitsInit = {}) {
    this.#rates = {
      pendingConnections: limits.strangerPendingConnections,
      connectionsPerSecond: limits.strangerConnectionsPerSecond,
      joinsPerMinutePerHost: limits.joinsPerMinutePerHost,
      joinsPerMinute: limits.joinsPerMinute,
      joinsInProgress: limits.joinsInProgress,
      ...rates
    }
    const { connectionsPerSecond, joinsPerMinutePerHost, joinsPerMinute } = this.#rates
    const buckets = (capacity: number, perSecond: number): TokenBuckets =>
      new TokenBuckets({ capacity, perSecond, keys: hostsRemembered, now })
    this.#connections = buckets(connectionsPerSecond, connectionsPerSecond)
    this.#hostJoins = buckets(joinsPerMinutePerHost, joinsPerMinutePerHost / 60)
    this.#joins = buckets(joinsPerMinute, joinsPerMinute / 60)
    this.connectionGater = {
      ...gater,
      denyDialPeer: async (peer) => this.#mayNotDial(peer) || (await gater.denyDialPeer?.(peer)) === true,
      denyInboundConnection: async (connection) =>
        (await gater.denyInboundConnection?.(connection)) === true || !this.#enter(connection)
    }
  }

  /** Connections that wait for their hello. */
  get pending(): number {
    return this.#pending.size
  }

  attach(admission: Admission, isDenied: (peer: PeerId) => boolean): void {
    this.#admission = admission
    this.#isDenied = isDenied
  }

  /** Members do not count: a whole network may come from behind one address. */
  admitted({ timeline }: Connection): void {
    const host = this.#pending.get(timeline)
    if (host === undefined) return
    this.#pending.delete(timeline)
    this.#connections.giveBack(host)
  }

  /**
   * One join that may be answered. A member that passes joins on counts towards the whole only.
   * @returns the way to end it, or undefined where it has to wait
   */
  beginJoin(connection: Connection): (() => void) | undefined {
    const isMember = this.#admission?.isAdmitted(connection) === true
    if (this.#joinsInProgress >= this.#rates.joinsInProgress) return undefined
    if (!isMember && !this.#hostJoins.take(remoteHost(connection.remoteAddr))) return undefined
    if (!this.#joins.take('')) return undefined
    this.#joinsInProgress += 1
    let isOver = false
    return () => {
      if (!isOver) this.#joinsInProgress -= 1
      isOver = true
    }
  }

  #mayNotDial(peer: PeerId): boolean {
    return this.#admission?.refusal(peer) !== undefined || this.#isDenied(peer)
  }

  #enter(connection: MultiaddrConnection): boolean {
    const { timeline, remoteAddr } = connection
    if (this.#pending.size >= this.#rates.pendingConnections) return false
    const host = remoteHost(remoteAddr)
    if (!this.#connections.take(host)) return false
    this.#pending.set(timeline, host)
    connection.addEventListener('close', () => this.#pending.delete(timeline), { once: true })
    return true
  }
}
