/** Lines of one event that go to the log at once; peers cause most of them, and must not fill the disk. */
const burst = 100
/** Lines of one event per second, in the long run. */
const perSecond = 20

interface Bucket {
  tokens: number
  atMs: number
  missed: number
}

/** Decides which of many equal events are written down. Pure: time comes in. */
export class EventPace {
  readonly #buckets = new Map<string, Bucket>()

  /** @returns whether to write it, and how many of the same name were left out since the last one that was written */
  take(event: string, nowMs: number): { isWritten: boolean; missed: number } {
    const bucket = this.#buckets.get(event) ?? { tokens: burst, atMs: nowMs, missed: 0 }
    this.#buckets.set(event, bucket)
    const elapsedMs = Math.max(0, nowMs - bucket.atMs)
    bucket.tokens = Math.min(burst, bucket.tokens + (elapsedMs / 1000) * perSecond)
    bucket.atMs = nowMs
    if (bucket.tokens < 1) {
      bucket.missed++
      return { isWritten: false, missed: bucket.missed }
    }
    bucket.tokens--
    const { missed } = bucket
    bucket.missed = 0
    return { isWritten: true, missed }
  }
}
