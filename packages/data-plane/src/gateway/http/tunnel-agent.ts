import { Agent, type ClientRequest, type ClientRequestArgs, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import { formatDestination, type Destination } from '../destination.ts'
import type { OpenDestination, ServedBy } from '../open-destination.ts'

/** What is known of a tunnel that carries HTTP. */
interface Carrier {
  servedBy: ServedBy | undefined
  requests: number
  idleSinceMs: number
  stopWaiting: (() => void) | undefined
}

/** A request that must not be repeated takes a tunnel only that was in use a moment ago: no service has closed it yet. */
const freshMs = 1_000
/** A service that says how long it keeps a connection is asked this much earlier. */
const hintMarginMs = 1_000

/** What comes with an error, where a stream is asked for. */
const noStream = new Duplex().destroy()

/** The agent of Node tells a socket whether it keeps the process alive; a tunnel never does by itself. */
const countedByNode = { ref: () => {}, unref: () => {} }

const hintOf = (response: IncomingMessage | undefined): number => {
  const header = response?.headers['keep-alive']
  const seconds = /(?:^|[\s,])timeout=(\d{1,6})/i.exec(typeof header === 'string' ? header : '')?.[1]
  return seconds === undefined ? Infinity : Number(seconds) * 1_000 - hintMarginMs
}

/** Tunnels to one destination that carry one request after the other. */
export class TunnelAgent extends Agent {
  readonly #destination: Destination
  readonly #open: OpenDestination
  readonly #carriers = new WeakMap<Duplex, Carrier>()
  readonly #closing = new AbortController()
  readonly #idle = new Map<Duplex, Carrier>()
  #responses = new WeakMap<Duplex, IncomingMessage>()
  #openCount = 0

  constructor(destination: Destination, open: OpenDestination) {
    super({
      keepAlive: true,
      scheduling: 'lifo',
      maxFreeSockets: limits.proxyIdleTunnels
    })
    this.#destination = destination
    this.#open = open
  }

  /** Tunnels that are open or being opened. */
  get size(): number {
    return this.#openCount
  }

  /** Tunnels that are open and wait for a next request. */
  get waiting(): number {
    return this.#idle.size
  }

  carrierOf(tunnel: Duplex): Readonly<Carrier> | undefined {
    return this.#carriers.get(tunnel)
  }

  /** The service may have said how long it keeps the connection. */
  noteResponse(tunnel: Duplex, response: IncomingMessage): void {
    this.#responses.set(tunnel, response)
  }

  /**
   * To be called before each request: forgets tunnels that ended while they waited, and where the request must not be
   * repeated those too that have waited for longer than a moment.
   */
  sweep(isFreshWanted: boolean): void {
    const oldestMs = isFreshWanted ? performance.now() - freshMs : -Infinity
    for (const [tunnel, { idleSinceMs }] of this.#idle)
      if (tunnel.destroyed || idleSinceMs < oldestMs) this.#discard(tunnel)
  }

  /** Gives up all tunnels that wait. */
  dropIdle(): void {
    for (const tunnel of this.#idle.keys()) this.#discard(tunnel)
  }

  /** The agent forgets a socket when it closes, which for a tunnel is later than its end. */
  #discard(tunnel: Duplex): void {
    this.#carriers.get(tunnel)?.stopWaiting?.()
    tunnel.emit('agentRemove')
    tunnel.destroy()
  }

  close(): void {
    this.#closing.abort(new MeshError('CANCELLED', 'The proxy was removed.'))
    this.dropIdle()
  }

  override getName(): string {
    return formatDestination(this.#destination)
  }

  override createConnection(
    _options: ClientRequestArgs,
    callback?: (err: Error | null, stream: Duplex) => void
  ): undefined {
    if (callback === undefined)
      throw new MeshError('INTERNAL', 'An agent of tunnels was asked for a connection at once.')
    void this.#connect(callback)
  }

  async #connect(callback: (err: Error | null, stream: Duplex) => void): Promise<void> {
    const fail = (err: Error): void => callback(err, noStream)
    this.#openCount += 1
    let stream: Duplex
    try {
      const opened = await this.#open(this.#destination, { signal: this.#closing.signal })
      stream = Object.assign(opened.stream, countedByNode)
      this.#carriers.set(stream, { servedBy: opened.servedBy, requests: 0, idleSinceMs: 0, stopWaiting: undefined })
    } catch (err) {
      this.#openCount -= 1
      fail(toMeshError(err))
      return
    }
    stream.once('close', () => {
      this.#openCount -= 1
      this.#carriers.get(stream)?.stopWaiting?.()
    })
    if (stream.destroyed) fail(stream.errored ?? new MeshError('CONNECTION_LOST'))
    else callback(null, stream)
  }

  /** @returns whether the tunnel waits for a next request */
  override keepSocketAlive(tunnel: Duplex): boolean {
    const carrier = this.#carriers.get(tunnel)
    const waitMs = Math.min(limits.proxyIdleTunnelMs, hintOf(this.#responses.get(tunnel)))
    if (carrier === undefined || waitMs <= 0 || this.#closing.signal.aborted || tunnel.readableEnded) return false
    // Whatever a service says unasked, its end included, makes the connection unfit for a next request.
    const giveUp = (): void => this.#discard(tunnel)
    const timer = setTimeout(giveUp, waitMs)
    timer.unref()
    tunnel.on('data', giveUp).once('end', giveUp)
    carrier.idleSinceMs = performance.now()
    this.#idle.set(tunnel, carrier)
    carrier.stopWaiting = () => {
      clearTimeout(timer)
      tunnel.off('data', giveUp).off('end', giveUp)
      this.#idle.delete(tunnel)
      carrier.stopWaiting = undefined
    }
    return true
  }

  override reuseSocket(tunnel: Duplex, request: ClientRequest): void {
    this.#carriers.get(tunnel)?.stopWaiting?.()
    super.reuseSocket(tunnel, request)
  }

  /** A request goes out on a tunnel. @returns how many went out on it before */
  count(tunnel: Duplex): number {
    const carrier = this.#carriers.get(tunnel)
    if (carrier === undefined) return 0
    carrier.requests += 1
    return carrier.requests - 1
  }
}

/** Services whose tunnels are kept apart; beyond it those without a tunnel are forgotten. */
const destinationsKept = 256

/** One agent per destination. */
export class TunnelPool {
  readonly #open: OpenDestination
  readonly #agents = new Map<string, TunnelAgent>()
  #isClosed = false

  constructor(open: OpenDestination) {
    this.#open = open
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  agentFor(destination: Destination): TunnelAgent {
    const key = formatDestination(destination)
    const known = this.#agents.get(key)
    if (known !== undefined) return known
    if (this.#agents.size >= destinationsKept)
      for (const [other, { size }] of this.#agents) if (size === 0) this.#agents.delete(other)
    const agent = new TunnelAgent(destination, this.#open)
    this.#agents.set(key, agent)
    return agent
  }

  /** Tunnels to a destination, by its text, that are open and wait for a next request. */
  waiting(destination: string): number {
    return this.#agents.get(destination)?.waiting ?? 0
  }

  /** Tunnels that wait are given up; those in use go on to the end of their request. */
  close(): void {
    this.#isClosed = true
    for (const agent of this.#agents.values()) agent.close()
    this.#agents.clear()
  }
}
