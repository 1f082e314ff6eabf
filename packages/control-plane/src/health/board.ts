import { peerIdFromString } from '@libp2p/peer-id'
import { limits } from '@agent-mesh/wire'
import { BoundedMap } from '../admission/bounded-map.ts'
import type { PeerId } from '@libp2p/interface'
import type { Admission } from '../admission/interface.ts'
import type { DigestBook } from './digest-book.ts'
import type { SignedDigest } from './digest.ts'
import type { Claim, ClaimedState, Detector, MemberView } from './detector/interface.ts'
import type { HealthListener, HealthState, HealthView, NeighbourHealth, PeerHealth } from './interface.ts'
import type { Probes } from './probes.ts'

export interface BoardInit {
  self: string
  detector: Detector
  book: Pick<DigestBook, 'get'>
  probes: Pick<Probes, 'measured'>
  admission: Pick<Admission, 'knows' | 'members'>
  lossOf?: ((peer: string) => Pick<NeighbourHealth, 'loss' | 'lossIn'>) | undefined
  /** Milliseconds since 1970. */
  now: () => number
  /** Milliseconds of the clock that the detector is given. */
  monotonicMs: () => number
}

/** What a third member is told: that this node alone does not reach somebody is no news for it. */
const claimed = (state: HealthState): ClaimedState => (state === 'unreachable' ? 'alive' : state)

/** What the detector, the probes and the digests say of each member, put together for whoever asks. */
export class Board implements HealthView {
  readonly #init: BoardInit
  readonly #listeners = new Set<HealthListener>()
  /** By their text, which takes some reading: all members are looked at each second. */
  readonly #peerIds = new BoundedMap<string, PeerId>(limits.membersRemembered)

  constructor(init: BoardInit) {
    this.#init = init
  }

  of(peer: PeerId): PeerHealth | undefined {
    const member = this.#init.detector.of(peer.toString())
    return member === undefined || !this.#isShown(member) ? undefined : this.#describe(member)
  }

  all(): PeerHealth[] {
    return this.#init.detector
      .all()
      .filter((member) => this.#isShown(member))
      .map((member) => this.#describe(member))
  }

  onChange(listener: HealthListener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  tell(member: MemberView, before: HealthState | undefined): void {
    if (!this.#isShown(member)) return
    const described = this.#describe(member)
    for (const listener of this.#listeners) listener(described, before)
  }

  /** Members that send digests, this node included. */
  present(): number {
    return this.#init.detector.all().filter(({ state }) => state !== 'dead' && state !== 'left').length + 1
  }

  /** What this node tells of its own neighbours. */
  neighbours(): NeighbourHealth[] {
    const { admission, probes, monotonicMs, lossOf } = this.#init
    const nowMs = monotonicMs()
    return admission.members().flatMap((peer) => {
      const measured = probes.measured(peer.toString(), nowMs)
      if (measured?.rttMs === undefined) return []
      const { rttMs, jitterMs = 0, stalls } = measured
      return [{ peerId: peer.toString(), rttMs, jitterMs, stalls, ...lossOf?.(peer.toString()) }]
    })
  }

  /**
   * Of all members whose own word is held, this node included.
   * @param own - what this node said last
   */
  claims(own: SignedDigest | undefined): Claim[] {
    const { detector, book, self } = this.#init
    const others = detector.all().flatMap(({ peer, state, incarnation }) => {
      if (peer === self || book.get(peer)?.digest.incarnation !== incarnation) return []
      return [{ peerId: peer, state: claimed(state), incarnation }]
    })
    if (own === undefined) return others
    const state: ClaimedState = own.isLeaving ? 'left' : 'alive'
    return [...others, { peerId: self, state, incarnation: own.digest.incarnation }]
  }

  #isShown({ peer }: MemberView): boolean {
    return peer !== this.#init.self && this.#init.admission.knows(this.#peerId(peer))
  }

  #peerId(peer: string): PeerId {
    const known = this.#peerIds.get(peer)
    if (known !== undefined) return known
    const read = peerIdFromString(peer)
    this.#peerIds.set(peer, read)
    return read
  }

  #describe({ peer, state, sinceMs, reason, incarnation, isAsymmetric }: MemberView): PeerHealth {
    const { now, monotonicMs, book, probes, lossOf } = this.#init
    const nowMs = monotonicMs()
    const digest = book.get(peer)?.digest
    return {
      peerId: peer,
      state,
      sinceMs: Math.round(now() - (nowMs - sinceMs)),
      reason,
      incarnation,
      isAsymmetric,
      ...probes.measured(peer, nowMs),
      ...lossOf?.(peer),
      ...(digest === undefined ? {} : { digest })
    }
  }
}
