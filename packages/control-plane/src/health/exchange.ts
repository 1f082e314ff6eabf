import { limits, toMeshError, type ErrorCode } from '@agent-mesh/wire'
import { BoundedMap } from '../admission/bounded-map.ts'
import { TokenBuckets } from '../admission/token-buckets.ts'
import { beginComparison, compareStates, compareViews, digestPages, type Holdings } from './comparison.ts'
import type { Claim } from './detector/interface.ts'
import type { Frame, ShownDigest } from './frame.ts'
import type { Intake } from './intake.ts'

export interface ExchangeInit {
  holdings: Holdings
  /** Certificates of a member, the leaf first; empty where they are not known. */
  chainOf: (peer: string) => Uint8Array[]
  intake: Pick<Intake, 'take'>
  /** Milliseconds; only differences matter. */
  now: () => number
  send: (peer: string, frame: Frame) => boolean
  /** What a neighbour holds; of lives that are known here by their own word. */
  onClaims: (from: string, claims: Claim[]) => void
  /** A neighbour holds the same. */
  onSame: (peer: string) => void
  /** A neighbour brought a digest that does not verify: it should have seen that. */
  onInvalid: (peer: string, code: ErrorCode) => void
}

/** Comparisons that a neighbour may begin at once, and in the long run; each costs a hash of the whole view. */
const comparesAtOnce = 8
const comparesPerSecond = 1
/** Digests that a neighbour may ask for: a full view at once. */
const digestsPerSecond = 64
/** Messages of digests of one neighbour that wait for their signatures to be looked at. */
const mostWaiting = 256
/** Claims that wait for the digest that makes them count. */
const mostPending = 4 * limits.healthMembers

/** Compares views with neighbours, and moves the digests that one of the two lacks. Every message is answered by itself. */
export class Exchange {
  readonly #init: ExchangeInit
  readonly #compares: TokenBuckets
  readonly #served: TokenBuckets
  readonly #pending = new BoundedMap<string, { from: string; claim: Claim }>(mostPending)
  readonly #waiting = new Map<string, { count: number; last: Promise<void> }>()

  constructor(init: ExchangeInit) {
    this.#init = init
    const { now } = init
    const keys = limits.healthMembers
    this.#compares = new TokenBuckets({ capacity: comparesAtOnce, perSecond: comparesPerSecond, keys, now })
    this.#served = new TokenBuckets({ capacity: limits.healthMembers, perSecond: digestsPerSecond, keys, now })
  }

  /** @returns false where the neighbour cannot be reached at the moment */
  begin(peer: string): boolean {
    return this.#init.send(peer, beginComparison(this.#init.holdings))
  }

  ask(peer: string, wanted: string): boolean {
    return this.#init.send(peer, { is: 'digests', digests: [], wanted: [wanted] })
  }

  onCompare(from: string, frame: Extract<Frame, { is: 'compare' }>): void {
    const { holdings, onSame } = this.#init
    if (!frame.isAnswer && !this.#compares.take(from)) return
    const { isSame, answers } = compareViews(holdings, frame)
    this.#sendAll(from, answers)
    if (isSame) onSame(from)
  }

  onStates(from: string, frame: Extract<Frame, { is: 'states' }>): void {
    const { holdings, onClaims } = this.#init
    const { claims, pending, answers } = compareStates(holdings, frame)
    for (const claim of pending) this.#pending.set(claim.peerId, { from, claim })
    this.#sendAll(from, answers)
    if (claims.length > 0) onClaims(from, claims)
  }

  onDigests(from: string, { digests, wanted }: Extract<Frame, { is: 'digests' }>): void {
    const { holdings } = this.#init
    const held = wanted.map((peer) => holdings.digest(peer)).filter((digest) => digest !== undefined)
    const served = held.filter(() => this.#served.take(from))
    this.#sendAll(
      from,
      digestPages(served, ({ digest }) => this.#init.chainOf(digest.peerId))
    )
    if (digests.length > 0) this.#queue(from, digests)
  }

  /** What neighbours said of a life of a member before its own word of it was here. */
  settle(peer: string): { from: string; claim: Claim } | undefined {
    const pending = this.#pending.get(peer)
    this.#pending.delete(peer)
    return pending
  }

  /** One message after the other, so that signatures of one neighbour do not take all the time there is. */
  #queue(from: string, digests: ShownDigest[]): void {
    const { count, last } = this.#waiting.get(from) ?? { count: 0, last: Promise.resolve() }
    if (count >= mostWaiting) return
    const done = last.then(async () => this.#takeAll(from, digests))
    this.#waiting.set(from, { count: count + 1, last: done })
    void done.finally(() => {
      const left = (this.#waiting.get(from)?.count ?? 1) - 1
      if (left === 0) this.#waiting.delete(from)
      else this.#waiting.set(from, { count: left, last: this.#waiting.get(from)?.last ?? done })
    })
  }

  async #takeAll(from: string, digests: ShownDigest[]): Promise<void> {
    const { intake, onInvalid } = this.#init
    for (const { envelope, chain } of digests) {
      try {
        await intake.take(envelope, from, { isGossip: false, chain })
      } catch (err) {
        onInvalid(from, toMeshError(err).code)
        return
      }
    }
  }

  #sendAll(peer: string, frames: Frame[]): void {
    for (const frame of frames) if (!this.#init.send(peer, frame)) return
  }
}
