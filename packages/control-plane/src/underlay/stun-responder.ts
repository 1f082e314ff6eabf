import { limits } from '@agent-mesh/wire'
import { TokenBuckets } from '../admission/token-buckets.ts'
import { encodeStunAnswer, readStun, type Endpoint } from './stun-message.ts'

export interface StunResponderInit {
  /** Whether a member is connected from there: a stock client of it asks with less than the answer takes. */
  isMemberHost: (host: string) => boolean
  /** Milliseconds; only differences matter. */
  now: () => number
}

/** What became of the requests, since the start. */
export interface StunCounts {
  answered: number
  /** Too many of one host or of all, or too short for a stranger. */
  refused: number
}

/**
 * Tells whoever asks which address it has, and is of no use to anybody who asks in the name of another: a stranger gets
 * no more bytes than it sent, and each host few answers in a second.
 */
export class StunResponder {
  readonly #init: StunResponderInit
  readonly #perHost: TokenBuckets
  readonly #all: TokenBuckets
  readonly counts: StunCounts = { answered: 0, refused: 0 }

  constructor(init: StunResponderInit) {
    this.#init = init
    const { now } = init
    this.#perHost = new TokenBuckets({
      capacity: limits.stunPerHostAtOnce,
      perSecond: limits.stunPerHostPerSecond,
      keys: limits.stunHosts,
      now
    })
    this.#all = new TokenBuckets({ capacity: limits.stunPerSecond, perSecond: limits.stunPerSecond, keys: 1, now })
  }

  /** @returns what to send back; undefined for what stays without an answer */
  answer(bytes: Uint8Array, from: Endpoint): Uint8Array | undefined {
    const message = readStun(bytes)
    if (message?.kind !== 'request' || message.hasUnknown) return undefined
    const answer = encodeStunAnswer(message.id, from)
    const isTooShort = answer.length > bytes.length && !this.#init.isMemberHost(from.host)
    if (isTooShort || !this.#perHost.take(from.host) || !this.#all.take('all')) {
      this.counts.refused++
      return undefined
    }
    this.counts.answered++
    return answer
  }
}
