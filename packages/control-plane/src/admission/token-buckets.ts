import { BoundedMap } from './bounded-map.ts'

export interface TokenBucketsInit {
  /** Tokens of a full bucket: how many may come at once. */
  capacity: number
  /** Tokens that flow into a bucket. */
  perSecond: number
  /** Keys that are remembered; the one that was used longest ago is forgotten first. */
  keys: number
  /** Milliseconds; only differences matter. */
  now: () => number
}

interface Bucket {
  tokens: number
  atMs: number
}

/** One token bucket per key, such as a remote host. */
export class TokenBuckets {
  readonly #init: TokenBucketsInit
  readonly #buckets: BoundedMap<string, Bucket>

  constructor(init: TokenBucketsInit) {
    this.#init = init
    this.#buckets = new BoundedMap(init.keys)
  }

  /** Takes a token. @returns false where there is none */
  take(key: string): boolean {
    const bucket = this.#refill(key)
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }

  /** Puts a token back that turned out not to be owed. */
  giveBack(key: string): void {
    const bucket = this.#buckets.get(key)
    if (bucket !== undefined) bucket.tokens = Math.min(this.#init.capacity, bucket.tokens + 1)
  }

  get size(): number {
    return this.#buckets.size
  }

  #refill(key: string): Bucket {
    const { capacity, perSecond, now } = this.#init
    const atMs = now()
    const known = this.#buckets.get(key)
    const bucket = known ?? { tokens: capacity, atMs }
    // a clock that was set back must not take tokens away
    const passedMs = Math.max(0, atMs - bucket.atMs)
    bucket.tokens = Math.min(capacity, bucket.tokens + (passedMs * perSecond) / 1000)
    bucket.atMs = atMs
    this.#buckets.set(key, bucket)
    return bucket
  }
}
