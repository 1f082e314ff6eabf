import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { isPrivate } from '@libp2p/utils'
import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import { endpointOf, isPunched, punchedAddress, type Endpoint } from './address.ts'
import {
  checkStart,
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRefusal,
  encodeRequest,
  encodeStart,
  messagesOf,
  tokenBytes,
  type Offer
} from './message.ts'
import { observe, type Observation } from './observe.ts'
import { checkSeen, roundTripMs, startDelayMs, takesPart } from './plan.ts'
import { showFirst, showSecond, type Proof } from './proof.ts'
import { PunchedConnection } from './punched-connection.ts'
import { openSimultaneously } from './simultaneous-open.ts'
import type {
  ComponentLogger,
  Connection,
  Libp2pEvents,
  Logger,
  PeerId,
  Startable,
  Stream,
  TypedEventTarget,
  Upgrader
} from '@libp2p/interface'
import type { ConnectionManager, Registrar } from '@libp2p/interface-internal'

export interface TcpPunchComponents {
  peerId: PeerId
  registrar: Registrar
  connectionManager: Pick<ConnectionManager, 'getConnections'>
  upgrader: Upgrader
  events: TypedEventTarget<Libp2pEvents>
  logger: ComponentLogger
}

export interface TcpPunchInit {
  /** Protocol on which two sides agree on a punch. */
  protocol: string
  /** Protocol of the observers. */
  observedProtocol: string
}

/** Makes a direct connection of a relayed one. */
export interface TcpPunch {
  /**
   * Both sides open a socket to each other at the same time; the connection that comes of it is an ordinary one, and the
   * relayed one stays as it is. One punch with a peer is under way at a time, whoever asks for it.
   * @param relayed - an open connection to the peer on which both agree; any will do
   * @throws MeshError PUNCH_FAILED, RATE_LIMITED, TIMEOUT, CANCELLED, CONNECTION_LOST
   */
  punch: (peer: PeerId, options: { relayed: Connection; signal: AbortSignal }) => Promise<Connection>
}

const isCircuit = ({ remoteAddr }: Connection): boolean =>
  remoteAddr.getComponents().some(({ name }) => name === 'p2p-circuit')

/** Public ones, where there is one: a member in the same private network does not see what the NAT makes of a port. */
const chooseObservers = (relayed: Connection, connections: Connection[]): Endpoint[] => {
  // who was dialled at an address listens there
  const dialled = connections.filter(
    ({ direction, status, limits: isLimited }) =>
      direction === 'outbound' && status === 'open' && isLimited === undefined
  )
  const addresses = [...(isCircuit(relayed) ? [relayed] : []), ...dialled].map((one) =>
    isCircuit(one) ? one.remoteAddr.decapsulate('/p2p-circuit') : one.remoteAddr
  )
  const usable = addresses.filter((address) => !isPunched(address) && endpointOf(address) !== undefined)
  const reaching = usable.filter((address) => !isPrivate(address))
  const found = new Map<string, Endpoint>()
  for (const address of reaching.length > 0 ? reaching : usable) {
    const endpoint = endpointOf(address)
    if (endpoint !== undefined) found.set(`${endpoint.host} ${endpoint.port}`, endpoint)
  }
  const [first, ...others] = found.values()
  if (first === undefined) return []
  const isIpv6 = first.host.includes(':')
  const alike = others.filter(({ host }) => host.includes(':') === isIpv6)
  // NATs that tell destinations apart do it by host, some by port as well
  const elsewhere = alike.filter(({ host }) => host !== first.host)
  return [first, ...elsewhere, ...alike].slice(0, limits.punchObservers)
}

export class TcpPunchService implements TcpPunch, Startable {
  readonly [Symbol.toStringTag] = '@agent-mesh/transport-tcp-punch'
  readonly #init: TcpPunchInit
  readonly #components: TcpPunchComponents
  readonly #log: Logger
  /** Punches that this side asked for, by peer id. */
  readonly #own = new Map<string, Promise<Connection>>()
  /** Peers whose punches this side takes part in. */
  readonly #theirs = new Set<string>()
  #stopping = new AbortController()

  constructor(components: TcpPunchComponents, init: TcpPunchInit) {
    this.#init = init
    this.#components = components
    this.#log = components.logger.forComponent('agent-mesh:tcp-punch')
  }

  async start(): Promise<void> {
    this.#stopping = new AbortController()
    await this.#components.registrar.handle(this.#init.protocol, this.#onStream, {
      maxInboundStreams: 2,
      maxOutboundStreams: 2,
      runOnLimitedConnection: true
    })
  }

  async stop(): Promise<void> {
    await this.#components.registrar.unhandle(this.#init.protocol)
    this.#stopping.abort(new MeshError('SHUTTING_DOWN', 'The node is stopping.'))
  }

  async punch(peer: PeerId, { relayed, signal }: { relayed: Connection; signal: AbortSignal }): Promise<Connection> {
    const id = peer.toString()
    const running = this.#own.get(id)
    if (running !== undefined) return orAbort(running, signal)
    const started = this.#ask(peer, relayed, AbortSignal.any([signal, this.#stopping.signal])).finally(() =>
      this.#own.delete(id)
    )
    this.#own.set(id, started)
    return started
  }

  /** The peer's next punched connection that the peer has asked for. */
  #arrival(peer: PeerId): { connection: Promise<Connection>; forget: () => void } {
    const { events } = this.#components
    const { promise, resolve } = Promise.withResolvers<Connection>()
    const onOpen = ({ detail }: CustomEvent<Connection>): void => {
      if (detail.direction === 'inbound' && isPunched(detail.remoteAddr) && detail.remotePeer.equals(peer))
        resolve(detail)
    }
    events.addEventListener('connection:open', onOpen)
    return { connection: promise, forget: () => events.removeEventListener('connection:open', onOpen) }
  }

  async #ask(peer: PeerId, relayed: Connection, signal: AbortSignal): Promise<Connection> {
    const arrival = this.#arrival(peer)
    try {
      if (this.#theirs.has(peer.toString())) return await orAbort(arrival.connection, within(signal))
      const connection = await this.#request(peer, relayed, signal)
      return connection ?? (await orAbort(arrival.connection, within(signal)))
    } catch (err) {
      throw explain(err, signal)
    } finally {
      arrival.forget()
    }
  }

  /** @returns undefined where the other side asks for the same at the same time, and that request stands */
  async #request(peer: PeerId, relayed: Connection, signal: AbortSignal): Promise<Connection | undefined> {
    const { protocol } = this.#init
    const observation = await this.#observe(relayed, signal)
    try {
      const stream = await relayed.newStream(protocol, { signal, runOnLimitedConnection: true })
      try {
        const messages = messagesOf(stream)
        const own = offerOf(observation)
        const waiting = AbortSignal.any([signal, AbortSignal.timeout(2 * limits.punchObserveTimeoutMs)])
        const sentMs = performance.now()
        await messages.write(encodeRequest(own), waiting)
        const answer = decodeAnswer(await messages.read(waiting))
        if (answer === 'crossing') return undefined
        checkSeen(answer, own)
        const rttMs = roundTripMs(performance.now() - sentMs, answer.tookMs)
        await messages.write(encodeStart(rttMs), waiting)
        await setTimeout(Math.min(startDelayMs(rttMs), limits.punchTimeoutMs), undefined, { signal })
        const connection = await this.#open({ peer, own, theirs: answer, observation, prove: showFirst, signal })
        return await this.#components.upgrader.upgradeOutbound(connection, { signal: within(signal) })
      } finally {
        stream.close().catch((err: Error) => stream.abort(err))
      }
    } finally {
      observation.release()
    }
  }

  readonly #onStream = async (stream: Stream, relayed: Connection): Promise<void> => {
    try {
      await this.#answer(stream, relayed, AbortSignal.any([this.#stopping.signal, within()]))
      await stream.close({ signal: within() })
    } catch (err) {
      this.#log('a punch with %p failed - %e', relayed.remotePeer, err)
      stream.abort(toMeshError(err))
    }
  }

  /** Why a punch is not taken part in. */
  #refusal(peer: string): { error: MeshError; isCrossing: boolean } | undefined {
    const self = this.#components.peerId.toString()
    const answer = takesPart({ self, peer, isAsking: this.#own.has(peer), theirs: this.#theirs })
    if (answer === 'crossing')
      return { error: new MeshError('PUNCH_FAILED', 'Both sides asked at once.'), isCrossing: true }
    if (answer === 'busy')
      return { error: new MeshError('RATE_LIMITED', `${this.#theirs.size} punches are under way.`), isCrossing: false }
    return undefined
  }

  async #answer(stream: Stream, relayed: Connection, signal: AbortSignal): Promise<void> {
    const peer = relayed.remotePeer
    const id = peer.toString()
    const messages = messagesOf(stream)
    const request = decodeRequest(await messages.read(signal))
    const readMs = performance.now()
    const refusal = this.#refusal(id)
    if (refusal !== undefined) {
      await messages.write(encodeRefusal(refusal.error, refusal.isCrossing), signal)
      return
    }
    this.#theirs.add(id)
    let observation: Observation | undefined
    try {
      observation = await this.#observe(relayed, signal)
      checkSeen(request, observation)
    } catch (err) {
      this.#theirs.delete(id)
      observation?.release()
      await messages.write(encodeRefusal(explain(err, signal)), signal)
      return
    }
    try {
      const own = offerOf(observation)
      await messages.write(encodeAnswer({ ...own, tookMs: performance.now() - readMs }), signal)
      checkStart(await messages.read(signal))
      const connection = await this.#open({ peer, own, theirs: request, observation, prove: showSecond, signal })
      await this.#components.upgrader.upgradeInbound(connection, { signal })
    } finally {
      observation.release()
      this.#theirs.delete(id)
    }
  }

  async #observe(relayed: Connection, signal: AbortSignal): Promise<Observation> {
    const { connectionManager } = this.#components
    const observers = chooseObservers(relayed, connectionManager.getConnections())
    return observe({ protocol: this.#init.observedProtocol, observers, log: this.#log, signal })
  }

  async #open({ peer, own, theirs, observation, prove, signal }: OpenInit): Promise<PunchedConnection> {
    const socket = await openSimultaneously({
      localPort: observation.localPort,
      remote: theirs.at,
      tokens: { own: own.token, theirs: theirs.token },
      prove,
      signal: AbortSignal.any([signal, AbortSignal.timeout(limits.punchTimeoutMs)])
    })
    const { remoteAddress: host, remotePort: port } = socket
    if (host === undefined || port === undefined)
      throw new MeshError('CONNECTION_LOST', 'The punched socket was lost at once.')
    return new PunchedConnection({
      socket,
      remoteAddr: punchedAddress({ host: host.replace(/^::ffff:/, ''), port }, peer),
      direction: prove === showFirst ? 'outbound' : 'inbound',
      log: this.#log.newScope('connection')
    })
  }
}

interface OpenInit {
  peer: PeerId
  own: Offer
  theirs: Offer
  observation: Observation
  prove: Proof
  signal: AbortSignal
}

const offerOf = ({ at, mapping }: Observation): Offer => ({
  at,
  mapping,
  token: Uint8Array.from(randomBytes(tokenBytes))
})

/** All of a punch: what members say on both sides, the packets, the handshakes. */
const wholeMs = 2 * limits.punchObserveTimeoutMs + limits.punchTimeoutMs

const within = (signal?: AbortSignal): AbortSignal => {
  const time = AbortSignal.timeout(wholeMs)
  return signal === undefined ? time : AbortSignal.any([signal, time])
}

const orAbort = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (signal.aborted) onAbort()
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

const explain = (err: unknown, signal: AbortSignal): MeshError => {
  if (err instanceof MeshError) return err
  if (signal.aborted) {
    if (signal.reason instanceof MeshError) return signal.reason
    const isTime = signal.reason instanceof Error && signal.reason.name === 'TimeoutError'
    return new MeshError(isTime ? 'TIMEOUT' : 'CANCELLED', 'A punch was given up.', { cause: err })
  }
  const why = err instanceof Error ? err.message : String(err)
  return new MeshError('PUNCH_FAILED', `A punch failed: ${why}.`, { cause: err })
}
