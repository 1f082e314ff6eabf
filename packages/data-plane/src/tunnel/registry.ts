import type { PeerId, Stream } from '@libp2p/interface'
import { limits, MeshError, type ErrorCode, type Metadata } from '@agent-mesh/wire'
import type { OnDataPlaneEvent, TunnelDirection } from '../events.ts'
import type { Allowance, PathClass } from '../interfaces.ts'
import { normalizeSocketAddress } from '../upstream/socket-address.ts'
import { CreditBudget } from './credit-budget.ts'
import { denialOf } from './denial.ts'
import { SendTurns } from './send-turns.ts'
import { Tunnel } from './tunnel.ts'

/** One tunnel as `status` and `whois` show it. */
export interface TunnelInfo {
  id: number
  peerId: string
  service: string
  direction: TunnelDirection
  path?: PathClass
  bytesIn: number
  bytesOut: number
  /** Milliseconds since 1970. */
  sinceMs: number
  /** Our end of the connection to the service, as the service sees its client. */
  localAddress?: string
}

export interface TunnelTotals {
  open: number
  total: number
  bytesIn: number
  bytesOut: number
}

interface Opened {
  service: string
  /** Who calls; of inbound tunnels alone. */
  peer?: PeerId
  /** What allowed it, on the side that decides. */
  rule?: string
  path?: PathClass | undefined
  localAddress?: string | undefined
  /** From the open message, unknown keys included. */
  metadata?: Metadata[]
  /** W3C trace context of the caller; empty where it sent none. */
  traceParent?: string
}

/** A tunnel that the registry watches: first opening, then open, gone once its stream is over. */
export class TrackedTunnel {
  readonly id: number
  readonly peerId: string
  readonly direction: TunnelDirection
  readonly tunnel: Tunnel
  readonly sinceMs: number
  readonly #wallClock: () => number
  /** The service that the other side asked for, granted or not. */
  asked: string | undefined
  readonly #onOpened: (tracked: TrackedTunnel) => void
  #opened: Opened | undefined

  constructor(
    init: { id: number; peerId: string; direction: TunnelDirection; tunnel: Tunnel; wallClock: () => number },
    onOpened: (tracked: TrackedTunnel) => void
  ) {
    this.id = init.id
    this.peerId = init.peerId
    this.direction = init.direction
    this.tunnel = init.tunnel
    this.sinceMs = init.wallClock()
    this.#wallClock = init.wallClock
    this.#onOpened = onOpened
  }

  get opened(): Opened | undefined {
    return this.#opened
  }

  /** To be called once the service answers for it. */
  open(opened: Opened): void {
    this.#opened = opened
    this.#onOpened(this)
  }

  /** Since its stream came, in milliseconds. */
  get ageMs(): number {
    return Math.max(0, this.#wallClock() - this.sinceMs)
  }

  get info(): TunnelInfo {
    const { service = '', path, localAddress } = this.#opened ?? {}
    return {
      id: this.id,
      peerId: this.peerId,
      service,
      direction: this.direction,
      ...(path === undefined ? {} : { path }),
      bytesIn: this.tunnel.bytesIn,
      bytesOut: this.tunnel.bytesOut,
      sinceMs: this.sinceMs,
      ...(localAddress === undefined ? {} : { localAddress })
    }
  }
}

export interface TunnelRegistryInit {
  onEvent?: OnDataPlaneEvent | undefined
  budget?: CreditBudget
  tunnelsPerPeer?: number
  /** Monotonic clock in milliseconds. */
  now?: () => number
  /** Milliseconds since 1970. */
  wallClock?: () => number
}

/** The live tunnels of this node, both directions: who, to what, how much, and how they all end. */
export class TunnelRegistry {
  readonly budget: CreditBudget
  readonly #onEvent: OnDataPlaneEvent
  readonly #tunnelsPerPeer: number
  readonly #now: () => number
  readonly #wallClock: () => number
  readonly #live = new Set<TrackedTunnel>()
  readonly #streams = new WeakMap<TrackedTunnel, Stream>()
  readonly #peers = new Map<string, { count: number; turns: SendTurns }>()
  /** Bytes of ended tunnels by peer, the ones longest without any first. */
  readonly #endedWith = new Map<string, { bytesIn: number; bytesOut: number }>()
  readonly #byLocalAddress = new Map<string, TrackedTunnel>()
  readonly #ended = { total: 0, bytesIn: 0, bytesOut: 0 }
  #nextId = 1
  #isDraining = false
  #onEmpty: (() => void) | undefined

  constructor({
    onEvent = () => {},
    budget = new CreditBudget(),
    tunnelsPerPeer = limits.tunnelsPerPeer,
    now = () => performance.now(),
    wallClock = Date.now
  }: TunnelRegistryInit = {}) {
    this.#onEvent = onEvent
    this.budget = budget
    this.#tunnelsPerPeer = tunnelsPerPeer
    this.#now = now
    this.#wallClock = wallClock
  }

  /**
   * Whether one more tunnel with the peer may begin.
   * @throws MeshError SHUTTING_DOWN, LIMIT_EXCEEDED
   */
  check(peerId: string): void {
    if (this.#isDraining) throw new MeshError('SHUTTING_DOWN', 'The node is stopping and opens no more tunnels.')
    if (this.countOf(peerId) >= this.#tunnelsPerPeer) {
      throw new MeshError(
        'LIMIT_EXCEEDED',
        `${this.#tunnelsPerPeer} tunnels with ${peerId} are open; that is the limit per peer.`
      )
    }
  }

  /** Makes the tunnel of a stream and watches it to its end. */
  track(stream: Stream, peerId: string, direction: TunnelDirection, allowance?: Allowance): TrackedTunnel {
    const peer = this.#peers.get(peerId) ?? { count: 0, turns: new SendTurns() }
    peer.count += 1
    this.#peers.set(peerId, peer)
    const tunnel = new Tunnel({ stream, lease: this.budget.open(peerId), turns: peer.turns, allowance, now: this.#now })
    const tracked = new TrackedTunnel(
      { id: this.#nextId, peerId, direction, tunnel, wallClock: this.#wallClock },
      (one) => this.#onOpened(one)
    )
    this.#nextId += 1
    this.#live.add(tracked)
    this.#streams.set(tracked, stream)
    tunnel.once('close', () => {
      peer.count -= 1
      if (peer.count === 0) this.#peers.delete(peerId)
      this.#onClosed(tracked)
    })
    return tracked
  }

  /** Tunnels with one peer, those that are still opening included. */
  countOf(peerId: string): number {
    return this.#peers.get(peerId)?.count ?? 0
  }

  /** What goes and went through tunnels with one peer. Of peers without an open one, so many are remembered. */
  trafficOf(peerId: string): { tunnels: number; bytesIn: number; bytesOut: number } {
    const ended = this.#endedWith.get(peerId)
    const sum = { tunnels: this.countOf(peerId), bytesIn: ended?.bytesIn ?? 0, bytesOut: ended?.bytesOut ?? 0 }
    for (const { peerId: with_, tunnel } of this.#live) {
      if (with_ !== peerId) continue
      sum.bytesIn += tunnel.bytesIn
      sum.bytesOut += tunnel.bytesOut
    }
    return sum
  }

  #remember(peerId: string, { bytesIn, bytesOut }: { bytesIn: number; bytesOut: number }): void {
    const before = this.#endedWith.get(peerId) ?? { bytesIn: 0, bytesOut: 0 }
    this.#endedWith.delete(peerId)
    this.#endedWith.set(peerId, { bytesIn: before.bytesIn + bytesIn, bytesOut: before.bytesOut + bytesOut })
    const oldest = this.#endedWith.keys().next()
    if (this.#endedWith.size > limits.membersRemembered && oldest.done !== true) this.#endedWith.delete(oldest.value)
  }

  /** All tunnels, those that are still opening included. */
  get size(): number {
    return this.#live.size
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  list(): TunnelInfo[] {
    return [...this.#live].filter((one) => one.opened !== undefined).map((one) => one.info)
  }

  /** Inbound tunnels that a service answers: those that the rules of this node hold for. */
  inbound(): TrackedTunnel[] {
    return [...this.#live].filter((one) => one.direction === 'inbound' && one.opened !== undefined)
  }

  /** Sums since the start; `open` and the bytes include the running ones. */
  get totals(): TunnelTotals {
    const running = this.list()
    return {
      open: running.length,
      total: this.#ended.total + running.length,
      bytesIn: running.reduce((sum, one) => sum + one.bytesIn, this.#ended.bytesIn),
      bytesOut: running.reduce((sum, one) => sum + one.bytesOut, this.#ended.bytesOut)
    }
  }

  /** Who is behind a client address that a service of this node sees, e.g. `127.0.0.1:51234`. */
  whois(address: string): TunnelInfo | undefined {
    return this.#byLocalAddress.get(normalizeSocketAddress(address))?.info
  }

  /** Resets all tunnels with a peer. */
  closePeer(peerId: string, code: ErrorCode): void {
    for (const { tunnel, peerId: with_ } of this.#live) {
      if (with_ === peerId) tunnel.destroy(new MeshError(code, `The tunnels with ${peerId} were closed.`))
    }
  }

  /** Ends the tunnels of these streams, such as all of one connection. */
  closeOn(streams: readonly Stream[], error: MeshError): void {
    const ending = new Set(streams)
    for (const tracked of this.#live) {
      const stream = this.#streams.get(tracked)
      if (stream !== undefined && ending.has(stream)) tracked.tunnel.destroy(error)
    }
  }

  /** Refuses new tunnels, waits for the running ones, then resets what is left with SHUTTING_DOWN. */
  async drain(timeoutMs: number = limits.drainTimeoutMs): Promise<void> {
    this.#isDraining = true
    await this.#empty(timeoutMs)
    for (const { tunnel } of this.#live) tunnel.destroy(new MeshError('SHUTTING_DOWN', 'The node is stopping.'))
    await this.#empty(limits.tunnelCloseTimeoutMs)
  }

  async #empty(timeoutMs: number): Promise<void> {
    if (this.#live.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onEmpty = resolve
    const timer = setTimeout(resolve, timeoutMs)
    await promise
    clearTimeout(timer)
  }

  #onOpened(tracked: TrackedTunnel): void {
    const localAddress = tracked.opened?.localAddress
    if (localAddress !== undefined) this.#byLocalAddress.set(localAddress, tracked)
    const { id, peerId, service, direction, path } = tracked.info
    const { rule } = tracked.opened ?? {}
    this.#onEvent({
      event: 'tunnel:opened',
      id,
      peerId,
      service,
      direction,
      ...(path === undefined ? {} : { path }),
      ...(rule === undefined ? {} : { rule })
    })
  }

  #onClosed(tracked: TrackedTunnel): void {
    this.#live.delete(tracked)
    this.#remember(tracked.peerId, tracked.tunnel)
    if (tracked.opened !== undefined) this.#onOpenedClosed(tracked)
    if (this.#live.size === 0) this.#onEmpty?.()
  }

  #onOpenedClosed(tracked: TrackedTunnel): void {
    const { localAddress, sinceMs: _, ...fields } = tracked.info
    const { failure } = tracked.tunnel
    if (localAddress !== undefined && this.#byLocalAddress.get(localAddress) === tracked)
      this.#byLocalAddress.delete(localAddress)
    this.#ended.total += 1
    this.#ended.bytesIn += fields.bytesIn
    this.#ended.bytesOut += fields.bytesOut
    const { rule } = tracked.opened ?? {}
    this.#onEvent({
      event: 'tunnel:closed',
      ...fields,
      durationMs: tracked.ageMs,
      ...(rule === undefined ? {} : { rule }),
      ...(failure === undefined ? {} : { code: failure.code, message: failure.message, ...denialOf(failure) })
    })
  }
}
