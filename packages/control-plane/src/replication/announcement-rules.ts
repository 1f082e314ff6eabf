import { limits, type SyncState } from '@agent-mesh/wire'
import { BoundedMap } from '../admission/bounded-map.ts'
import { decodeAnnouncement } from './sync-message.ts'

/**
 * What to do with an announcement that gossip brought. `reject` counts against the neighbour that passed it on: only
 * what no honest node passes on is rejected.
 */
export type AnnouncementVerdict = { is: 'accept'; states: SyncState[] } | { is: 'ignore' } | { is: 'reject' }

export interface AnnouncementRulesInit {
  /** Milliseconds since 1970. */
  now: () => number
  self: string
  /** A member, connected or not, whose certificate is known here. */
  isMember: (peer: string) => boolean
  mayAnnounce: (peer: string) => boolean
}

/**
 * For how long gossip may have carried a message: one that misses its way is asked for at one of the next heartbeats. What
 * seems to have been on its way for longer, or for less than no time, was written by another clock.
 */
const longestWayMs = 3_000

/** Judges announcements by shape, author, age and frequency. */
export class AnnouncementRules {
  readonly #init: AnnouncementRulesInit
  readonly #lastMs = new BoundedMap<string, number>(limits.membersRemembered)

  constructor(init: AnnouncementRulesInit) {
    this.#init = init
  }

  /** @param author - who signed it; undefined where nobody did */
  judge(author: string | undefined, bytes: Uint8Array): AnnouncementVerdict {
    const { now, self, isMember, mayAnnounce } = this.#init
    if (author === undefined) return { is: 'reject' }
    const announcement = decoded(bytes)
    if (announcement === undefined) return { is: 'reject' }
    const { states, timeMs } = announcement
    if (author === self || !isMember(author)) return { is: 'ignore' }
    // an old message that somebody kept says what its author held then
    const isOld = timeMs < (this.#lastMs.get(author) ?? 0)
    if (isOld || Math.abs(now() - timeMs) > limits.clockToleranceMs || !mayAnnounce(author)) return { is: 'ignore' }
    this.#lastMs.set(author, timeMs)
    const wayMs = now() - timeMs
    const isPlausible = wayMs > 0 && wayMs <= longestWayMs
    // ages are those of when it was written
    return { is: 'accept', states: isPlausible ? states.map((one) => ({ ...one, ageMs: one.ageMs + wayMs })) : states }
  }
}

const decoded = (bytes: Uint8Array): ReturnType<typeof decodeAnnouncement> | undefined => {
  try {
    return decodeAnnouncement(bytes)
  } catch {
    return undefined
  }
}
