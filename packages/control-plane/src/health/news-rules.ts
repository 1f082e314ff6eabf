import { limits } from '@agent-mesh/wire'
import { BoundedMap } from '../admission/bounded-map.ts'
import { TokenBuckets } from '../admission/token-buckets.ts'
import { decodeNews, type News } from './news.ts'

/**
 * What to do with a message that gossip brought. `reject` counts against the neighbour that passed it on: only what no
 * honest node passes on is rejected.
 */
export type NewsVerdict =
  | { is: 'accept'; news: News }
  | { is: 'ignore'; why: 'own' | 'unknown' | 'old' | 'skewed' | 'busy' }
  | { is: 'reject' }

export interface NewsRulesInit {
  /** Milliseconds since 1970. */
  now: () => number
  self: string
  /** A member, connected or not, whose certificate is known here and counts. */
  isMember: (peer: string) => boolean
}

/** Messages of one author that are passed on at once, and in the long run. */
const atOnce = 32
const perSecond = 4

/** Messages take different ways through the mesh: one may be overtaken by so many and still counts, once. */
const window = 32

/** What was seen of an author: the highest sequence of its incarnation, and which of those below it. */
interface Seen {
  incarnation: number
  sequence: number
  recent: ReadonlySet<number>
}

const first: Seen = { incarnation: 0, sequence: -1, recent: new Set() }

/** @returns undefined where the message is not news: as the window of RFC 4303, section 3.4.3 */
const note = (seen: Seen, { incarnation, sequence }: Pick<News, 'incarnation' | 'sequence'>): Seen | undefined => {
  if (incarnation < seen.incarnation) return undefined
  if (incarnation > seen.incarnation) return { incarnation, sequence, recent: new Set([sequence]) }
  if (sequence <= seen.sequence - window || seen.recent.has(sequence)) return undefined
  const highest = Math.max(sequence, seen.sequence)
  const recent = new Set([...seen.recent, sequence].filter((one) => one > highest - window))
  return { incarnation, sequence: highest, recent }
}

/** Judges messages of gossip by shape, author, age, order and frequency. */
export class NewsRules {
  readonly #init: NewsRulesInit
  readonly #seen = new BoundedMap<string, Seen>(limits.healthMembers)
  readonly #paces: TokenBuckets

  constructor(init: NewsRulesInit) {
    this.#init = init
    this.#paces = new TokenBuckets({ capacity: atOnce, perSecond, keys: limits.healthMembers, now: init.now })
  }

  /** @param author - who signed it; undefined where nobody did */
  judge(author: string | undefined, bytes: Uint8Array): NewsVerdict {
    const { now, self, isMember } = this.#init
    if (author === undefined) return { is: 'reject' }
    const news = decoded(bytes)
    if (news === undefined) return { is: 'reject' }
    if (author === self) return { is: 'ignore', why: 'own' }
    if (!isMember(author)) return { is: 'ignore', why: 'unknown' }
    const nowMs = now()
    const isSkewed =
      Math.abs(nowMs - news.timeMs) > limits.clockToleranceMs || news.incarnation > nowMs + limits.clockToleranceMs
    if (isSkewed) return { is: 'ignore', why: 'skewed' }
    // whoever kept an old message and sends it again says what held then
    const seen = this.#seen.get(author)
    const after = seen === undefined ? { ...first, incarnation: news.incarnation } : seen
    const noted = note(after, news)
    if (noted === undefined) return { is: 'ignore', why: 'old' }
    if (!this.#paces.take(author)) return { is: 'ignore', why: 'busy' }
    this.#seen.set(author, noted)
    return { is: 'accept', news }
  }

  forget(author: string): void {
    this.#seen.delete(author)
  }
}

const decoded = (bytes: Uint8Array): News | undefined => {
  try {
    return decodeNews(bytes)
  } catch {
    return undefined
  }
}
