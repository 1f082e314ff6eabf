import type { PeerId, PrivateKey } from '@libp2p/interface'
import type { NetworkId } from '@agent-mesh/wire'
import type { Timers } from '../replication/announcer.ts'
import type { Claim } from './detector/interface.ts'
import type { SignedDigest } from './digest.ts'
import { HealthGossip, type HealthPubsub } from './gossip.ts'
import type { NeighbourHealth, SelfHealth } from './interface.ts'
import type { News } from './news.ts'
import { Outbox } from './outbox.ts'
import { OwnDigest } from './own-digest.ts'

export interface HeraldInit {
  networkId: NetworkId
  self: string
  key: PrivateKey
  pubsub: HealthPubsub
  timers: Timers
  /** Milliseconds of a clock that never goes back. */
  monotonicMs: () => number
  /** At least 0, below 1. */
  random: () => number
  about: SelfHealth
  neighbours: () => NeighbourHealth[]
  /** Of this node at this moment. */
  incarnation: () => number
  /** Between two digests of a member. */
  intervalMs: () => number
  /** A member, connected or not, whose certificate is known here and counts. */
  isMember: (peer: string) => boolean
  take: (author: PeerId, news: News) => Promise<'accept' | 'ignore' | 'reject'>
  onUnknown: (author: PeerId, neighbour: PeerId) => void
}

/** Between two digests that are sent because something changed. */
const refreshMs = 1_000

/** Tells everybody: changes at once, how this node is when it is time, and its goodbye. */
export class Herald {
  readonly #init: HeraldInit
  readonly #own: OwnDigest
  readonly #gossip: HealthGossip
  readonly #outbox: Outbox
  #dueMs = 0
  #lastMs = Number.NEGATIVE_INFINITY
  #hasLeft = false

  constructor(init: HeraldInit) {
    const { networkId, self, key, pubsub, timers, about, neighbours, incarnation } = init
    const { now } = timers
    this.#init = init
    this.#own = new OwnDigest({ self, signer: { networkId, key }, now, about, incarnation, neighbours })
    this.#gossip = new HealthGossip({ ...init, pubsub, now })
    this.#outbox = new Outbox({
      timers,
      publish: (claims) => void this.#gossip.publish(this.#news(undefined, claims))
    })
  }

  /** The digest of this node that was signed last. */
  get last(): SignedDigest | undefined {
    return this.#own.last
  }

  /** When the next digest is due. */
  get nextMs(): number {
    return this.#hasLeft ? Infinity : this.#dueMs
  }

  start(): void {
    this.#hasLeft = false
    this.#dueMs = this.#init.monotonicMs()
    this.#gossip.start()
  }

  stop(): void {
    this.#outbox.stop()
    this.#gossip.stop()
  }

  spread(claim: Claim): void {
    this.#outbox.add(claim)
  }

  forget(peer: string): void {
    this.#gossip.forget(peer)
  }

  /** The next digest goes out soon. */
  refresh(): void {
    this.#dueMs = Math.min(this.#dueMs, Math.max(this.#init.monotonicMs(), this.#lastMs + refreshMs))
  }

  /** Sends a digest where it is time. */
  look(nowMs: number): void {
    if (nowMs >= this.nextMs) void this.publish()
  }

  async publish(): Promise<SignedDigest> {
    const { monotonicMs, random, intervalMs } = this.#init
    this.#lastMs = monotonicMs()
    this.#dueMs = this.#lastMs + intervalMs() * (0.9 + 0.2 * random())
    const signed = await this.#own.seal(this.#hasLeft)
    await this.#gossip.publish(this.#news(signed, []), { isUrgent: this.#hasLeft })
    return signed
  }

  async leave(): Promise<SignedDigest> {
    this.#hasLeft = true
    return this.publish()
  }

  #news(digest: SignedDigest | undefined, claims: Claim[]): News {
    const { timers, incarnation } = this.#init
    return {
      digest: digest?.bytes,
      claims,
      timeMs: Math.round(timers.now()),
      incarnation: incarnation(),
      sequence: digest?.digest.sequence ?? this.#own.nextSequence()
    }
  }
}
