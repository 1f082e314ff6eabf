import { BoundedMap } from '../admission/bounded-map.ts'
import { TokenBuckets } from '../admission/token-buckets.ts'
import { limits } from '@agent-mesh/wire'

interface Strikes {
  count: number
  /** How often the peer was left alone before. */
  times: number
  untilMs: number
}

/** Comparisons that brought more refused items than good ones, until the peer is left alone. */
const mostStrikes = 3
const firstPauseMs = 60_000
const longestPauseMs = 10 * 60_000

/** Pages that a member may ask for at once: a full set of the largest items needs about 50. */
const pagesAtOnce = 64
const pagesPerSecond = 2
/** Announcements of one author that are passed on. */
const announcementsAtOnce = 32
const announcementsPerSecond = 8

/** How members behave: who brings items that do not verify is left alone, who asks too often has to wait. */
export class Conduct {
  readonly #now: () => number
  readonly #strikes = new BoundedMap<string, Strikes>(limits.membersRemembered)
  readonly #pages: TokenBuckets
  readonly #announcements: TokenBuckets

  /** @param now - milliseconds; only differences matter */
  constructor(now: () => number) {
    this.#now = now
    const keys = limits.membersRemembered
    this.#pages = new TokenBuckets({ capacity: pagesAtOnce, perSecond: pagesPerSecond, keys, now })
    this.#announcements = new TokenBuckets({
      capacity: announcementsAtOnce,
      perSecond: announcementsPerSecond,
      keys,
      now
    })
  }

  /** What one comparison with a peer brought. One without a refused item clears it. */
  brought(peer: string, { taken, refused }: { taken: number; refused: number }): void {
    const known = this.#strikes.get(peer)
    if (refused === 0) {
      if (taken > 0) this.#strikes.delete(peer)
      return
    }
    if (refused <= taken) return
    const { count, times, untilMs } = known ?? { count: 0, times: 0, untilMs: 0 }
    if (count + 1 < mostStrikes) {
      this.#strikes.set(peer, { count: count + 1, times, untilMs })
      return
    }
    const pauseMs = Math.min(firstPauseMs * 2 ** times, longestPauseMs)
    this.#strikes.set(peer, { count: 0, times: times + 1, untilMs: this.#now() + pauseMs })
  }

  /** Nothing is taken from the peer at the moment. */
  isAvoided(peer: string): boolean {
    return (this.#strikes.get(peer)?.untilMs ?? 0) > this.#now()
  }

  mayAsk(peer: string): boolean {
    return this.#pages.take(peer)
  }

  mayAnnounce(peer: string): boolean {
    return this.#announcements.take(peer)
  }
}
