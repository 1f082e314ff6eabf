import { peerIdFromString } from '@libp2p/peer-id'
import { limits, MeshError, protocols, toMeshError } from '@agent-mesh/wire'
import { deadline } from '../discovery/deadline.ts'
import { systemTimers, type Timers } from '../replication/announcer.ts'
import { createDetector } from './detector/detector.ts'
import { Board } from './board.ts'
import { plausible } from './claim.ts'
import { DigestBook } from './digest-book.ts'
import { Encounters } from './encounters.ts'
import { Exchange } from './exchange.ts'
import { Herald } from './herald.ts'
import { Intake } from './intake.ts'
import { introducer } from './introducer.ts'
import { Links } from './links.ts'
import { Probes } from './probes.ts'
import { Zombies } from './zombies.ts'
import type { PeerId } from '@libp2p/interface'
import type { Claim, Detector, DetectorAction, DetectorEvent } from './detector/interface.ts'
import type { SignedDigest } from './digest.ts'
import type { Frame } from './frame.ts'
import type { HealthInit, RunningHealth } from './health-init.ts'
import type { HealthView } from './interface.ts'
import type { News } from './news.ts'

type Action<Kind extends DetectorAction['do']> = Extract<DetectorAction, { do: Kind }>

/**
 * Who is alive: the failure detector among connected members, with its probes on long-lived streams, its news and the digests
 * of all members by gossip, and comparisons of views for what gossip has lost.
 */
export const createHealth = (init: HealthInit): RunningHealth => new LiveHealth(init)

class LiveHealth implements RunningHealth {
  readonly of: HealthView['of']
  readonly all: HealthView['all']
  readonly onChange: HealthView['onChange']
  readonly handler: RunningHealth['handler']
  readonly handlerOptions: RunningHealth['handlerOptions']
  readonly #init: HealthInit
  readonly #self: string
  readonly #timers: Timers
  readonly #monotonicMs: () => number
  readonly #now: () => number
  readonly #detector: Detector
  readonly #book: DigestBook
  readonly #board: Board
  readonly #intake: Intake
  readonly #links: Links
  readonly #probes = new Probes()
  readonly #exchange: Exchange
  readonly #herald: Herald
  readonly #encounters: Encounters
  readonly #zombies: Zombies
  readonly #stops: Array<() => void> = []
  /** Events wait here while the actions of the one before are carried out. */
  readonly #events: DetectorEvent[] = []
  #isHandling = false
  #stopping: AbortController | undefined
  #timer: { atMs: number; cancel: () => void } | undefined

  constructor(init: HealthInit) {
    const { networkId, self, key, admission, about, settings } = init
    const { timers = systemTimers, monotonicMs = () => performance.now(), random = Math.random } = init
    this.#init = init
    this.#self = self.toString()
    this.#timers = timers
    this.#monotonicMs = monotonicMs
    const { now } = timers
    this.#now = now
    const startMs = Math.round(now())
    this.#detector = createDetector({ self: this.#self, incarnation: startMs, settings, random, nowMs: monotonicMs() })
    this.#book = new DigestBook(now, (peer) => this.#detector.of(peer)?.state === 'alive')
    const shared = { self: this.#self, now, monotonicMs, admission, detector: this.#detector }
    this.#board = new Board({ ...shared, book: this.#book, probes: this.#probes, lossOf: init.lossOf })
    this.of = (peer) => this.#board.of(peer)
    this.all = () => this.#board.all()
    this.onChange = (listener) => this.#board.onChange(listener)
    this.#zombies = new Zombies(settings.probeIntervalMs, this.#probes, (peer, stalledMs) =>
      init.onZombie?.(peer, { stalledMs, isClosed: false })
    )
    const isMember = (peer: string): boolean => admission.knows(peerIdFromString(peer))
    this.#intake = new Intake({
      networkId,
      self: this.#self,
      book: this.#book,
      ownIncarnation: () => this.#detector.incarnation,
      isMember,
      onNews: (signed) => this.#learn(signed),
      // its own former life is newer: whoever holds it takes this one for dead
      onOwn: (incarnation, by) =>
        this.#feed({
          is: 'claims',
          by,
          claims: [{ peerId: this.#self, state: 'dead', incarnation }],
          isFirstHand: false
        }),
      introduce: introducer(init, now),
      onUnknown: (peer) => init.onUnknown?.(peer)
    })
    this.#links = new Links({
      protocol: protocols(networkId).health,
      admission,
      now: monotonicMs,
      random,
      onFrame: (peer, frame) => this.#hear(peer, frame),
      onFailed: (peer, code) => init.onStreamFailed?.(peer, code)
    })
    this.handler = this.#links.handler
    this.handlerOptions = this.#links.handlerOptions
    this.#exchange = new Exchange({
      holdings: { claims: () => this.#board.claims(this.#herald.last), digest: (peer) => this.#digest(peer) },
      chainOf: (peer) => admission.membership(peerIdFromString(peer))?.chain ?? [],
      intake: this.#intake,
      now: monotonicMs,
      send: (peer, frame) => this.#links.send(peer, frame),
      onClaims: (by, claims) => this.#feed({ is: 'claims', by, claims, isFirstHand: false }),
      onSame: () => this.#encounters.agreed(),
      onInvalid: (peer, code) => {
        this.#links.drop(peer)
        init.onRefused?.(peer, code)
      }
    })
    this.#herald = new Herald({
      networkId,
      self: this.#self,
      key,
      pubsub: init.pubsub,
      timers,
      monotonicMs,
      random,
      about,
      incarnation: () => this.#detector.incarnation,
      intervalMs: () => settings.digestIntervalMs(this.#board.present()),
      neighbours: () => this.#board.neighbours(),
      isMember,
      take: async (author, news) => this.#takeNews(author.toString(), news),
      onUnknown: (author, neighbour) => this.#exchange.ask(neighbour.toString(), author.toString())
    })
    this.#encounters = new Encounters({
      now: monotonicMs,
      random,
      intervalMs: init.compareEveryMs ?? limits.syncIntervalMs,
      neighbours: () => this.#neighbourIds()
    })
  }

  start(): void {
    if (this.#stopping !== undefined) return
    const { admission } = this.#init
    this.#stopping = new AbortController()
    this.#links.start()
    this.#herald.start()
    this.#stops.push(
      admission.onChange((change, peerId) => {
        const peer = peerId.toString()
        if (change !== 'admit') this.#parted(peer)
        if (change !== 'gone') this.#met(peer)
      })
    )
    for (const peer of admission.members()) this.#met(peer.toString())
    this.#arm()
  }

  stop(): void {
    if (this.#stopping === undefined) return
    this.#stopping.abort(new MeshError('SHUTTING_DOWN'))
    this.#stopping = undefined
    for (const stop of this.#stops.splice(0)) stop()
    this.#timer?.cancel()
    this.#timer = undefined
    this.#herald.stop()
    this.#links.stop()
    this.#probes.clear()
  }

  async leave(): Promise<void> {
    if (this.#stopping === undefined) return
    this.#feed({ is: 'leave' })
    this.#tell(this.#neighbourIds(), await this.#herald.leave())
  }

  forget(peerId: PeerId): void {
    const peer = peerId.toString()
    this.#feed({ is: 'forget', peer })
    this.#drop(peer)
    this.#links.drop(peer)
  }

  held(): PeerId[] {
    return this.#detector.all().map(({ peer }) => peerIdFromString(peer))
  }

  refresh(): void {
    this.#herald.refresh()
    this.#arm()
  }

  #digest(peer: string): SignedDigest | undefined {
    return peer === this.#self ? this.#herald.last : this.#book.get(peer)
  }

  #met(peer: string): void {
    this.#feed({ is: 'connected', peer })
    this.#encounters.arrived(peer)
    this.#arm()
  }

  #parted(peer: string): void {
    this.#links.drop(peer)
    this.#probes.forget(peer)
    this.#zombies.clear(peer)
    this.#encounters.left(peer)
    this.#feed({ is: 'disconnected', peer, isOrderly: false })
  }

  #drop(peer: string): void {
    this.#book.forget(peer)
    this.#herald.forget(peer)
    this.#probes.forget(peer)
  }

  #hear(peer: string, frame: Frame): void {
    if (this.#stopping === undefined) return
    switch (frame.is) {
      case 'compare':
        this.#exchange.onCompare(peer, frame)
        break
      case 'states':
        this.#exchange.onStates(peer, frame)
        break
      case 'digests':
        this.#exchange.onDigests(peer, frame)
        break
      case 'ack':
        this.#probes.answered(frame.sequence, peer, this.#monotonicMs())
        this.#zombies.clear(peer)
        this.#feed({ ...frame, peer })
        break
      default:
        this.#feed({ ...frame, peer })
    }
  }

  async #takeNews(author: string, { digest, claims }: News): Promise<'accept' | 'ignore' | 'reject'> {
    try {
      const taken = digest === undefined ? 'news' : await this.#intake.take(digest, author, { isGossip: true })
      if (claims.length > 0) this.#feed({ is: 'claims', by: author, claims, isFirstHand: true })
      return taken === 'news' || claims.length > 0 ? 'accept' : 'ignore'
    } catch (err) {
      this.#init.onRefused?.(author, toMeshError(err).code)
      return 'reject'
    }
  }

  #learn({ digest, isLeaving }: SignedDigest): void {
    const { peerId: peer, incarnation, sequence, timeMs } = digest
    const neighbours = digest.neighbours.map((one) => one.peerId)
    this.#feed({ is: 'digest', peer, incarnation, sequence, timeMs, neighbours, isLeaving })
    const pending = this.#exchange.settle(peer)
    if (pending?.claim.incarnation === incarnation)
      this.#feed({ is: 'claims', by: pending.from, claims: [pending.claim], isFirstHand: false })
  }

  #feed(event: DetectorEvent): void {
    this.#events.push('claims' in event ? { ...event, claims: plausible(event.claims, this.#now()) } : event)
    if (this.#isHandling) return
    this.#run(() => [])
    this.#arm()
  }

  /** Carries out what is wanted, and what comes of that. */
  #run(begin: () => DetectorAction[]): void {
    this.#isHandling = true
    try {
      this.#carryOut(begin())
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift())
        this.#carryOut(this.#detector.handle(next, this.#monotonicMs()))
    } finally {
      this.#isHandling = false
    }
  }

  #carryOut(actions: DetectorAction[]): void {
    for (const action of actions) if (this.#stopping !== undefined) this.#act(action)
  }

  #act(action: DetectorAction): void {
    switch (action.do) {
      case 'probe':
        this.#probe(action)
        break
      case 'ask':
        this.#ask(action)
        break
      case 'ack':
      case 'relayed-ack':
      case 'relayed-nack':
        this.#links.send(action.peer, { is: action.do, sequence: action.sequence, claims: few(action.claims) })
        break
      case 'spread':
        this.#herald.spread(action.claim)
        break
      case 'refute':
        this.#refute(action)
        break
      case 'farewell':
        break // `leave` waits for it
      case 'want-digest':
        this.#exchange.ask(action.from, action.peer)
        break
      case 'changed':
        this.#changed(action)
        break
      case 'forgot':
        this.#drop(action.peer)
        break
    }
  }

  #ask({ helper, target, sequence, claims }: Action<'ask'>): void {
    this.#links.send(helper, { is: 'probe-for-me', target, sequence, claims: few(claims) })
  }

  #probe({ peer, sequence, deadlineMs, mustDial, claims }: Action<'probe'>): void {
    const { admission } = this.#init
    const frame: Frame = { is: 'probe', sequence, claims: few(claims) }
    const sent = (): boolean => {
      if (!this.#links.send(peer, frame)) return false
      this.#probes.sent(sequence, { peer, sentMs: this.#monotonicMs(), deadlineMs })
      return true
    }
    const peerId = peerIdFromString(peer)
    if (!mustDial || admission.has(peerId)) {
      if (!sent()) this.#feed({ is: 'unsent', sequence })
      return
    }
    const signal = deadline(Math.max(1, Math.ceil(deadlineMs - this.#monotonicMs())), this.#stopping?.signal)
    const dialled = async (): Promise<void> => {
      const isSent = await this.#init.connect(peerId, { signal }).then(sent, () => false)
      if (!isSent && this.#stopping !== undefined) this.#feed({ is: 'unsent', sequence })
    }
    void dialled()
  }

  #refute({ incarnation, accusers }: Action<'refute'>): void {
    this.#init.onRefuted?.(incarnation, accusers)
    const tell = async (): Promise<void> => this.#tell(accusers, await this.#herald.publish())
    void tell()
  }

  /** Straight to these, whatever gossip does. */
  #tell(peers: readonly string[], { bytes }: SignedDigest): void {
    for (const peer of peers)
      this.#links.send(peer, { is: 'digests', digests: [{ envelope: bytes, chain: [] }], wanted: [] })
  }

  #changed({ from: before, ...member }: Action<'changed'>): void {
    const { peer, state } = member
    const peerId = peerIdFromString(peer)
    if (state === 'dead') {
      const stalledMs = this.#probes.measured(peer, this.#monotonicMs())?.stalledMs ?? 0
      const connections = this.#init.admission.connections(peerId)
      if (connections.length > 0) this.#init.onZombie?.(peer, { stalledMs, isClosed: true })
      for (const connection of connections)
        connection.abort(new MeshError('CONNECTION_LOST', `${peer} does not answer, and others agree that it is dead.`))
    }
    this.#board.tell(member, before)
  }

  #neighbourIds(): string[] {
    return this.#init.admission.members().map((peer) => peer.toString())
  }

  /** One timer for whatever comes first. */
  #arm(): void {
    if (this.#stopping === undefined || this.#isHandling) return
    const atMs = Math.min(this.#detector.nextAtMs(), this.#encounters.nextMs(), this.#herald.nextMs)
    if (this.#timer !== undefined && this.#timer.atMs === atMs) return
    this.#timer?.cancel()
    const delayMs = Math.min(2 ** 31 - 1, Math.max(0, atMs - this.#monotonicMs()))
    this.#timer = { atMs, cancel: this.#timers.setTimeout(() => this.#look(atMs), delayMs) }
  }

  #look(dueMs: number): void {
    this.#timer = undefined
    const nowMs = this.#monotonicMs()
    this.#run(() => [
      ...this.#detector.handle({ is: 'lag', lagMs: nowMs - dueMs }, nowMs),
      ...this.#detector.tick(nowMs)
    ])
    this.#probes.expire(nowMs)
    this.#zombies.look(this.#neighbourIds(), nowMs)
    const peer = this.#encounters.due()
    if (peer !== undefined) this.#exchange.begin(peer)
    this.#herald.look(nowMs)
    this.#arm()
  }
}

const few = (claims: readonly Claim[]): Claim[] => claims.slice(0, limits.claimsPerMessage)
