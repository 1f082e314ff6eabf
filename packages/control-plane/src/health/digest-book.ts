import { limits } from '@agent-mesh/wire'
import { BoundedMap } from '../admission/bounded-map.ts'
import type { SignedDigest } from './digest.ts'
import type { Digest } from './interface.ts'

/** What a digest is beside the one that is held. `skewed`: by its times it cannot be from now. */
export type DigestVerdict = 'news' | 'stale' | 'skewed'

type Order = Pick<Digest, 'incarnation' | 'sequence'>

/** Below 0 where `a` is older. */
const compareDigests = (a: Order, b: Order): number => a.incarnation - b.incarnation || a.sequence - b.sequence

/** The newest digest of each member. An older one is never taken back, whoever kept it and sends it again. */
export class DigestBook {
  readonly #now: () => number
  readonly #held: BoundedMap<string, SignedDigest>

  /**
   * @param now - milliseconds since 1970
   * @param isKept - members that are not forgotten for want of room
   */
  constructor(now: () => number, isKept: (peer: string) => boolean = () => false) {
    this.#now = now
    this.#held = new BoundedMap(limits.healthMembers, isKept)
  }

  get(peer: string): SignedDigest | undefined {
    return this.#held.get(peer)
  }

  /**
   * An incarnation begins as a time, so that one from the future could never be surpassed by the member itself once its
   * clock is right.
   * @param isLive - it claims to be of this moment: one that was kept for long is skewed, too
   */
  judge({ peerId, incarnation, sequence, timeMs }: Digest, isLive: boolean): DigestVerdict {
    const latestMs = this.#now() + limits.clockToleranceMs
    if (timeMs > latestMs || incarnation > latestMs) return 'skewed'
    if (isLive && timeMs < this.#now() - limits.clockToleranceMs) return 'skewed'
    const held = this.#held.get(peerId)
    return held !== undefined && compareDigests({ incarnation, sequence }, held.digest) <= 0 ? 'stale' : 'news'
  }

  /** @returns the member that had to be forgotten for it */
  add(signed: SignedDigest): string | undefined {
    return this.#held.set(signed.digest.peerId, signed)
  }

  forget(peer: string): void {
    this.#held.delete(peer)
  }
}
