/** An honest clock drifts less than this between two digests; one that is set back is believed again at this pace. */
const driftMs = 100

/**
 * When a digest was made, by the clock here, although no two clocks agree: the fastest digest so far tells how far apart
 * they are. So one that was long under way is no sign of recent life.
 */
export class DigestClock {
  #offsetMs: number | undefined
  #incarnation = -1
  #sequence = -1

  /** @returns when it was made; undefined where it is not newer than the last */
  read(digest: { incarnation: number; sequence: number; timeMs: number }, nowMs: number): number | undefined {
    const { incarnation, sequence, timeMs } = digest
    const isNewer = incarnation > this.#incarnation || (incarnation === this.#incarnation && sequence > this.#sequence)
    if (!isNewer) return undefined
    this.#incarnation = incarnation
    this.#sequence = sequence
    const apartMs = nowMs - timeMs
    this.#offsetMs = this.#offsetMs === undefined ? apartMs : Math.min(apartMs, this.#offsetMs + driftMs)
    return timeMs + this.#offsetMs
  }
}
