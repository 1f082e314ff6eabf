import { randomBytes } from 'node:crypto'
import { MeshError, type ErrorCode } from '@agent-mesh/wire'
import { abortable } from './abortable.ts'
import { Carriers } from './carriers.ts'
import { ExpiryTimer } from './expiry-timer.ts'
import { leave, putOut } from './farewell.ts'
import { instanceIdBytes } from './hello-message.ts'
import { HelloProtocol } from './hello-protocol.ts'
import { HeldStreams } from './held-streams.ts'
import { LateIdentify } from './late-identify.ts'
import { MemberBook } from './member-book.ts'
import { NamedPeers } from './named-peers.ts'
import { Roster } from './roster.ts'
import { StreamPace } from './stream-pace.ts'
import { Visit } from './visit.ts'
import type { Connection, Logger, PeerId, Startable, Stream } from '@libp2p/interface'
import type { Membership } from '@agent-mesh/identity'
import type { AdmissionComponents, AdmissionInit } from './admission-init.ts'
import type { Admission, AdmissionChange, AdmissionListener, Greeting } from './interface.ts'

/** Both sides may dial at once: what one of them has opened is open for the other within this, loss included. */
const simultaneousMs = 2_000

type RefusalListener = (peer: PeerId, error: MeshError) => void

/**
 * Admits members: says and hears hello on every connection of the host, and is the libp2p service `admission` that
 * the member-only views ask.
 */
export class AdmissionService implements Admission, Startable {
  readonly [Symbol.toStringTag] = '@agent-mesh/admission'
  /** Streams that came before the hello of their connection. */
  readonly held: HeldStreams
  /** Peers of the host's peer store that showed no certificate. */
  readonly named: NamedPeers
  readonly #init: AdmissionInit
  readonly #components: AdmissionComponents
  readonly #hello: HelloProtocol
  readonly #log: Logger
  readonly #paces = new WeakMap<Connection, StreamPace>()
  readonly #visits = new Map<Connection, { visit: Visit; order: number; openedMs: number }>()
  readonly #roster = new Roster()
  readonly #carriers: Carriers
  readonly #book: MemberBook
  readonly #listeners = new Set<AdmissionListener>()
  readonly #refusalListeners = new Set<RefusalListener>()
  readonly #renewalListeners = new Set<(membership: Membership) => void>()
  readonly #lateIdentify: LateIdentify
  readonly #expiry: ExpiryTimer
  #opened = 0

  constructor(components: AdmissionComponents, init: AdmissionInit) {
    this.#init = init
    this.#components = components
    const now = init.now ?? Date.now
    this.#log = (init.logger ?? components.logger).forComponent('agent-mesh:admission')
    this.#book = new MemberBook({
      self: components.peerId,
      now,
      isDenied: (peer, membership) => init.isDenied?.(peer, membership),
      isPresent: (peer) => this.#roster.hasId(peer)
    })
    this.#carriers = new Carriers(init.carriers)
    const instanceId = init.instanceId ?? randomBytes(instanceIdBytes)
    this.#hello = new HelloProtocol({
      networkId: init.networkId,
      networkKey: init.networkKey,
      now,
      self: () => ({
        chain: init.chain(),
        instanceId,
        agent: init.agent,
        policyVersion: init.policyVersion?.() ?? 0,
        revocationsHash: init.revocationsHash?.() ?? new Uint8Array()
      }),
      isOnly: (connection) => this.#isOnly(connection),
      deny: (peer, membership) => this.#book.deny(peer, membership),
      visit: (connection) => this.#visits.get(connection)?.visit,
      onGreeted: (visit, greeting) => this.#admit(visit, greeting),
      onRefused: (connection, error) => {
        this.#book.refused(connection.remotePeer, error)
        this.#refuse(connection, error, leave)
      }
    })
    this.held = new HeldStreams({
      admission: async (connection) => this.waitFor(connection),
      onFlood: (connection, error) => this.#refuse(connection, error, (one) => one.abort(error))
    })
    this.named = new NamedPeers({
      peerStore: components.peerStore,
      events: components.events,
      log: this.#log,
      knows: (peer) => this.knows(peer),
      isAdmitted: (peer) => this.has(peer),
      ...(init.namedPeers === undefined ? {} : { most: init.namedPeers })
    })
    this.#lateIdentify = new LateIdentify({
      identify: () => optional(() => components.identify),
      isAdmitted: (connection) => this.isAdmitted(connection),
      log: this.#log
    })
    this.#expiry = new ExpiryTimer({
      now,
      ends: () => this.#roster.greetings().map(({ membership }) => membership.notAfterMs),
      onExpired: () => this.#expelExpired()
    })
    init.gate?.attach(this, (peer) => this.#book.deny(peer, this.membership(peer)) !== undefined)
  }

  async start(): Promise<void> {
    this.#components.events.addEventListener('connection:open', this.#onOpen)
    this.#components.events.addEventListener('connection:close', this.#onClose)
    await this.#components.registrar.handle(this.#hello.id, this.#hello.handle, this.#hello.handlerOptions)
    await this.named.start()
  }

  async stop(): Promise<void> {
    this.#components.events.removeEventListener('connection:open', this.#onOpen)
    this.#components.events.removeEventListener('connection:close', this.#onClose)
    this.#lateIdentify.stop()
    this.#expiry.stop()
    this.named.stop()
    for (const { visit } of this.#visits.values()) visit.refuse(new MeshError('SHUTTING_DOWN'))
    this.#visits.clear()
    this.#carriers.clear()
    this.#roster.clear()
    await this.#components.registrar.unhandle(this.#hello.id)
  }

  has(peer: PeerId): boolean {
    return this.#roster.has(peer)
  }

  knows(peer: PeerId): boolean {
    return this.#book.knows(peer)
  }

  async wait(peer: PeerId, options: { signal?: AbortSignal } = {}): Promise<void> {
    if (this.#roster.has(peer)) return
    const pending = [...this.#visits.values()]
      .map(({ visit }) => visit)
      .filter((visit) => visit.isPending && visit.connection.remotePeer.equals(peer))
    if (pending.length === 0)
      throw this.refusal(peer) ?? new MeshError('CONNECTION_LOST', `There is no connection to ${peer.toString()}.`)
    const any = Promise.any(pending.map((visit) => visit.outcome)).catch((err: unknown) => {
      throw err instanceof AggregateError ? err.errors.at(-1) : err
    })
    await abortable(any, options.signal)
  }

  async waitFor(connection: Connection, options: { signal?: AbortSignal } = {}): Promise<void> {
    const known = this.#visits.get(connection)
    if (this.isCarrier(connection))
      throw new MeshError('NOT_A_MEMBER', `${connection.remotePeer.toString()} is a carrier, and no member.`)
    if (known === undefined)
      throw new MeshError('CONNECTION_LOST', `The connection to ${connection.remotePeer.toString()} is closed.`)
    await abortable(known.visit.outcome, options.signal)
  }

  isAdmitted(connection: Connection): boolean {
    return this.#roster.isHere(connection)
  }

  isCarrier(connection: Connection): boolean {
    return this.#carriers.has(connection)
  }

  connections(peer: PeerId): Connection[] {
    return this.#roster.connections(peer).filter(({ status }) => status === 'open')
  }

  membership(peer: PeerId): Membership | undefined {
    return this.#book.membership(peer)
  }

  remembered(): Membership[] {
    return this.#book.remembered()
  }

  greeting(peer: PeerId): Greeting | undefined {
    return this.#roster.greeting(peer)
  }

  members(): PeerId[] {
    return this.#roster.peers()
  }

  onChange(listener: AdmissionListener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Calls back for every connection that was refused, after which it closes. @returns the way to stop listening */
  onRefused(listener: RefusalListener): () => void {
    this.#refusalListeners.add(listener)
    return () => {
      this.#refusalListeners.delete(listener)
    }
  }

  onRenewed(listener: (membership: Membership) => void): () => void {
    this.#renewalListeners.add(listener)
    return () => {
      this.#renewalListeners.delete(listener)
    }
  }

  expel(peer: PeerId, code: ErrorCode): void {
    const error = this.#book.expel(peer, code)
    const [first] = this.#roster.connections(peer)
    this.#roster.remove(peer)
    if (first !== undefined) this.#tell('gone', peer, first, error)
    for (const connection of this.#visits.keys()) {
      if (connection.remotePeer.equals(peer)) this.#refuse(connection, error, putOut)
    }
  }

  learn(membership: Membership): void {
    const { peerId } = membership
    if (!this.#book.learn(membership)) return
    const greeting = this.#roster.greeting(peerId)
    if (greeting === undefined) return
    this.#roster.renew(peerId, { ...greeting, membership })
    this.#expiry.arm()
    this.#tellRenewed(membership)
  }

  refusal(peer: PeerId): MeshError | undefined {
    return this.#book.refusal(peer)
  }

  /** Dials what refused this node before, such as after it got another certificate. */
  forgetRefusals(): void {
    this.#book.forgetRefusals()
  }

  /** A stream that a peer opened is put to use: it is not held against the peer any more. */
  settle(connection: Connection, stream: Stream): void {
    this.#paces.get(connection)?.settle(stream)
  }

  /** The visit of a connection that is not admitted; a join gives it more time. */
  stranger(connection: Connection): Pick<Visit, 'beginJoin' | 'endJoin' | 'signal'> | undefined {
    const visit = this.#visits.get(connection)?.visit
    return visit?.state.is === 'admitted' ? undefined : visit
  }

  readonly #onOpen = ({ detail: connection }: CustomEvent<Connection>): void => {
    if (connection.status !== 'open') return
    const pace = StreamPace.of(connection)
    if (pace !== undefined) this.#paces.set(connection, pace)
    if (this.#carriers.take(connection)) return
    const { helloTimeoutMs } = this.#init
    const visit = new Visit({
      connection,
      ...(helloTimeoutMs === undefined ? {} : { helloTimeoutMs }),
      onOverdue: (_, error) => {
        this.#log('%p is put out - %s', connection.remotePeer, error.message)
        connection.abort(error)
      }
    })
    this.#visits.set(connection, { visit, order: ++this.#opened, openedMs: performance.now() })
    if (connection.direction === 'outbound') void this.#hello.greet(visit)
  }

  readonly #onClose = ({ detail: connection }: CustomEvent<Connection>): void => {
    if (this.#carriers.drop(connection)) return
    this.#visits
      .get(connection)
      ?.visit.refuse(new MeshError('CONNECTION_LOST', `${connection.remotePeer.toString()} closed the connection.`))
    this.#visits.delete(connection)
    const departure = this.#roster.depart(connection)
    if (departure.is === 'last') this.#tell('gone', departure.peerId, connection)
    // streams of topologies may have ended with it: libp2p says nothing as long as the peer has another connection
    else if (departure.is === 'one') this.#lateIdentify.run(departure.remaining)
  }

  #admit(visit: Visit, greeting: Greeting): void {
    const { connection } = visit
    const known = this.#visits.get(connection)
    if (known === undefined || visit.state.is !== 'waiting' || connection.status !== 'open') return
    const { remotePeer } = connection
    const before = this.#roster.greeting(remotePeer)?.membership
    const arrival = this.#roster.arrive(connection, greeting, known.order)
    if (arrival.is === 'dead') {
      connection.abort(new MeshError('CONNECTION_LOST', `${remotePeer.toString()} was started again since.`))
      return
    }
    this.#book.admit(greeting.membership)
    this.named.forget(remotePeer)
    this.#init.gate?.admitted(connection)
    visit.admit()
    this.#expiry.arm()
    if (arrival.is === 'first') this.#tell('admit', remotePeer, connection)
    if (before !== undefined && before.serial !== greeting.membership.serial) this.#tellRenewed(greeting.membership)
    if (arrival.is === 'restarted') {
      this.#tell('replaced', remotePeer, connection)
      for (const dead of arrival.dead)
        dead.abort(new MeshError('CONNECTION_LOST', `${remotePeer.toString()} was started again.`))
    }
    if (greeting.isOnly) this.#endOlder(connection, known.openedMs)
    this.#lateIdentify.run(connection)
  }

  #isOnly(connection: Connection): boolean {
    return ![...this.#visits.keys()].some((one) => one !== connection && one.remotePeer.equals(connection.remotePeer))
  }

  /**
   * The peer has no other connection: those from before ended without a word, because it moved. Streams that go on there
   * would wait for nobody. One that was opened at nearly the same moment may be on its way to the peer.
   */
  #endOlder({ remotePeer }: Connection, openedMs: number): void {
    for (const [one, visit] of this.#visits)
      if (one.remotePeer.equals(remotePeer) && visit.openedMs < openedMs - simultaneousMs)
        one.abort(new MeshError('CONNECTION_LOST', `${remotePeer.toString()} has ended the connection.`))
  }

  /** @param end - ends the connection, at once or with time for the peer to read why */
  #refuse(connection: Connection, error: MeshError, end: (connection: Connection, error: MeshError) => unknown): void {
    const visit = this.#visits.get(connection)?.visit
    if (visit?.refuse(error) !== true) return
    this.#log('%p is refused - %s', connection.remotePeer, error.message)
    for (const listener of this.#refusalListeners) listener(connection.remotePeer, error)
    void end(connection, error)
  }

  #expelExpired(): void {
    for (const { membership } of this.#roster.greetings()) {
      if (this.#book.isOver(membership)) this.expel(membership.peerId, 'CERTIFICATE_EXPIRED')
    }
  }

  #tellRenewed(membership: Membership): void {
    for (const listener of this.#renewalListeners) listener(membership)
  }

  #tell(change: AdmissionChange, peer: PeerId, connection: Connection, error?: MeshError): void {
    this.#log('%p %s', peer, change)
    for (const listener of this.#listeners) {
      try {
        listener(change, peer, connection, error)
      } catch (err) {
        this.#log.error('a listener failed on %s of %p - %e', change, peer, err)
      }
    }
  }
}

/** A component that is not configured throws when it is asked for. */
const optional = <T>(component: () => T | undefined): T | undefined => {
  try {
    return component()
  } catch {
    return undefined
  }
}

/** The libp2p service that admits members. Configure it under the name `admission`. */
export const admission =
  (init: AdmissionInit) =>
  (components: AdmissionComponents): AdmissionService =>
    new AdmissionService(components, init)
