import { TopicValidatorResult } from '@libp2p/gossipsub'
import { peerIdFromString } from '@libp2p/peer-id'
import { limits, MeshError, protocols, syncTopic, toMeshError, type NetworkId, type SyncState } from '@agent-mesh/wire'
import { messageStream } from '../admission/message-stream.ts'
import { deadline } from '../discovery/deadline.ts'
import { createSingleFlight } from '../routing/single-flight.ts'
import { AnnouncementRules } from './announcement-rules.ts'
import { Announcer, systemTimers, type Timers } from './announcer.ts'
import { Conduct } from './conduct.ts'
import { answer, ask, type ExchangeParts } from './exchange.ts'
import { HolderBook } from './holder-book.ts'
import { Intake } from './intake.ts'
import { Inventory } from './inventory.ts'
import { createSeats } from './seats.ts'
import { SyncPlan } from './sync-plan.ts'
import type { GossipSub } from '@libp2p/gossipsub'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import type { Admission } from '../admission/interface.ts'
import type { Replica, ReplicationEvents, RunningReplication, SyncReport } from './interface.ts'

export interface ReplicationInit extends ReplicationEvents {
  replicas: Replica[]
  networkId: NetworkId
  self: PeerId
  admission: Pick<Admission, 'has' | 'knows' | 'members' | 'connections' | 'onChange'>
  pubsub: Pick<GossipSub, 'subscribe' | 'unsubscribe' | 'publish' | 'topicValidators'>
  timers?: Timers
  /** At least 0, below 1. */
  random?: () => number
  /** Default: limits.syncIntervalMs. */
  intervalMs?: number
}

/** One exchange, all its pages together. */
const exchangeMs = 120_000
const framing = { most: limits.syncBytes, code: 'SYNC_INVALID', what: 'message of replication' } as const

/**
 * Brings every member to hold the same: changes are announced by gossip, members compare when they meet and one with
 * another at random every 30 s, and what differs is pulled and delivered over one stream.
 */
export const createReplication = (init: ReplicationInit): RunningReplication => new LiveReplication(init)

class LiveReplication implements RunningReplication {
  readonly handlerOptions = { maxInboundStreams: 4, maxOutboundStreams: 4, runOnLimitedConnection: true }
  readonly #init: ReplicationInit
  readonly #timers: Timers
  readonly #topic: string
  readonly #inventory: Inventory
  readonly #conduct: Conduct
  readonly #book: HolderBook
  readonly #rules: AnnouncementRules
  readonly #announcer: Announcer
  readonly #plan: SyncPlan
  readonly #parts: ExchangeParts
  readonly #flights = createSingleFlight<SyncReport>('The comparison')
  readonly #seats = createSeats()
  #stopping: AbortController | undefined
  #stopListening: (() => void) | undefined
  #cancelTimer: (() => void) | undefined

  constructor(init: ReplicationInit) {
    const { replicas, networkId, self, admission, pubsub, timers = systemTimers, random = Math.random } = init
    const { now } = timers
    this.#init = init
    this.#timers = timers
    this.#topic = syncTopic(networkId)
    this.#inventory = new Inventory(replicas, now)
    this.#conduct = new Conduct(now)
    this.#book = new HolderBook({
      now,
      isKept: (kind) => this.#inventory.get(kind) !== undefined,
      isHere: (peer) => admission.has(peer)
    })
    this.#rules = new AnnouncementRules({
      now,
      self: self.toString(),
      isMember: (peer) => admission.knows(peerIdFromString(peer)),
      mayAnnounce: (peer) => this.#conduct.mayAnnounce(peer)
    })
    this.#announcer = new Announcer({
      timers,
      random,
      members: () => Math.max(admission.members().length, this.#book.size),
      states: () => this.#inventory.announced(),
      publish: (message) => {
        pubsub.publish(this.#topic, message).catch(() => {}) // nobody listens yet: members compare when they meet
      }
    })
    this.#plan = new SyncPlan({
      now,
      random,
      self: self.toString(),
      members: () => this.#askable(),
      differs: (peer) => this.#inventory.differingAnnounced(this.#book.states(peer)).length > 0,
      ...(init.intervalMs === undefined ? {} : { intervalMs: init.intervalMs })
    })
    this.#parts = {
      inventory: this.#inventory,
      conduct: this.#conduct,
      now,
      intake: new Intake({
        now,
        onChange: (kind, from) => {
          const replica = this.#inventory.get(kind)
          // held from now on, though the rest of the exchange may take its time
          if (replica !== undefined && replica.isQuiet !== true) this.#inventory.stateOf(replica)
          init.onChange?.(kind, from)
        },
        ...(init.onRefused === undefined ? {} : { onRefused: init.onRefused })
      }),
      onTaken: (kind) => {
        this.#inventory.states() // from now on they are held
        if (this.#stopping === undefined || this.#inventory.get(kind)?.isQuiet === true) return
        this.#announcer.echo()
        this.#plan.tookOver()
        this.#arm()
      },
      onStates: (peer, states) => this.#book.note(peer, states)
    }
  }

  start(): void {
    if (this.#stopping !== undefined) return
    const { admission, pubsub } = this.#init
    this.#stopping = new AbortController()
    this.#stopListening = admission.onChange((change, peer) => {
      if (change === 'gone') this.#plan.left(peer.toString())
      else this.#plan.arrived(peer.toString())
      this.#arm()
    })
    for (const peer of admission.members()) this.#plan.arrived(peer.toString())
    pubsub.topicValidators.set(this.#topic, (neighbour, message) =>
      this.#hear(neighbour, 'from' in message ? message.from : undefined, message.data)
    )
    pubsub.subscribe(this.#topic)
    this.#arm()
  }

  stop(): void {
    if (this.#stopping === undefined) return
    const { pubsub } = this.#init
    pubsub.unsubscribe(this.#topic)
    pubsub.topicValidators.delete(this.#topic)
    this.#stopListening?.()
    this.#cancelTimer?.()
    this.#announcer.stop()
    this.#stopping.abort(new MeshError('SHUTTING_DOWN'))
    this.#stopping = undefined
  }

  announce(kind: string): void {
    const replica = this.#inventory.get(kind)
    if (this.#stopping === undefined || replica === undefined) return
    this.#inventory.stateOf(replica) // from now on it is held
    this.#announcer.announce()
  }

  async syncWith(peer: PeerId, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#compare(peer, signal)
  }

  holders(kind: string): ReturnType<RunningReplication['holders']> {
    return this.#book.holders(kind)
  }

  readonly handler = (stream: Stream, connection: Connection): void => {
    this.#serve(stream, connection).catch((err: unknown) => {
      const error = toMeshError(err)
      this.#init.onSyncFailed?.(connection.remotePeer, error.code)
      stream.abort(error)
    })
  }

  async #serve(stream: Stream, { remotePeer: peer }: Connection): Promise<void> {
    const stopping = this.#stopping
    if (stopping === undefined) throw new MeshError('SHUTTING_DOWN')
    // what it sends meanwhile stays with it
    if (stream.readStatus === 'readable') stream.pause()
    const signal = deadline(exchangeMs, stopping.signal)
    const leave = await this.#seats.take(peer.toString(), signal)
    try {
      const messages = messageStream(stream, framing)
      if (stream.readStatus === 'paused') stream.resume()
      this.#plan.wasAsked(peer.toString())
      await answer({ ...this.#parts, messages, peer, signal })
      await stream.close({ signal })
    } finally {
      leave()
    }
  }

  #hear(neighbour: PeerId, author: PeerId | undefined, data: Uint8Array): TopicValidatorResult {
    const verdict = this.#rules.judge(author?.toString(), data)
    if (verdict.is === 'reject') return TopicValidatorResult.Reject
    if (verdict.is === 'ignore' || author === undefined) return TopicValidatorResult.Ignore
    this.#note(neighbour, author, verdict.states)
    return TopicValidatorResult.Accept
  }

  #note(neighbour: PeerId, author: PeerId, states: SyncState[]): void {
    this.#book.note(author, states)
    if (this.#inventory.differingAnnounced(states).length === 0) return
    if (this.#init.admission.has(author)) this.#plan.heard(author.toString())
    else this.#plan.heardThrough(neighbour.toString(), author.toString())
    this.#arm()
  }

  #askable(): string[] {
    return this.#init.admission
      .members()
      .map((peer) => peer.toString())
      .filter((peer) => !this.#conduct.isAvoided(peer))
  }

  /** Looks again when something is due. */
  #arm(): void {
    if (this.#stopping === undefined) return
    this.#cancelTimer?.()
    const atMs = this.#plan.nextMs()
    this.#cancelTimer =
      atMs === Number.POSITIVE_INFINITY
        ? undefined
        : this.#timers.setTimeout(() => this.#look(), Math.max(0, atMs - this.#timers.now()))
  }

  #look(): void {
    for (const peer of this.#plan.due()) this.#compare(peerIdFromString(peer), undefined).catch(() => {})
    this.#arm()
  }

  async #compare(peer: PeerId, caller: AbortSignal | undefined): Promise<SyncReport> {
    if (this.#stopping === undefined) throw new MeshError('SHUTTING_DOWN')
    const signal = deadline(exchangeMs, this.#stopping.signal, caller)
    return this.#flights.run(peer.toString(), signal, async (shared) => this.#run(peer, shared))
  }

  async #run(peer: PeerId, signal: AbortSignal): Promise<SyncReport> {
    const key = peer.toString()
    this.#plan.began(key)
    try {
      const report = await this.#askPeer(peer, signal)
      this.#plan.ended(key, true)
      this.#init.onSynced?.(peer, report)
      return report
    } catch (err) {
      const error = toMeshError(err, 'CONNECTION_LOST')
      this.#plan.ended(key, false)
      this.#init.onSyncFailed?.(peer, error.code)
      throw error
    } finally {
      this.#arm()
    }
  }

  async #askPeer(peer: PeerId, signal: AbortSignal): Promise<SyncReport> {
    const [connection] = this.#init.admission
      .connections(peer)
      .toSorted((a, b) => Number(a.limits !== undefined) - Number(b.limits !== undefined))
    if (connection === undefined)
      throw new MeshError('CONNECTION_LOST', `There is no connection to ${peer.toString()} to compare over.`)
    const { maxOutboundStreams, runOnLimitedConnection } = this.handlerOptions
    const stream = await connection.newStream(protocols(this.#init.networkId).sync, {
      signal,
      maxOutboundStreams,
      runOnLimitedConnection
    })
    try {
      const report = await ask({ ...this.#parts, messages: messageStream(stream, framing), peer, signal })
      await stream.close({ signal })
      return report
    } catch (err) {
      stream.abort(toMeshError(err))
      throw err
    }
  }
}
