import { limits, MeshError, quote } from '@agent-mesh/wire'

/** After which time a second agent is asked beside the first: a fixed one, or what that share of the answers came within. */
export type Hedge = { by: 'time'; ms: number } | { by: 'percentile'; percentile: number }

const factors = { ms: 1, s: 1_000 } as const

/**
 * Reads `95p` (or `p95`) and `200ms`.
 * @throws MeshError USAGE
 */
export const parseHedge = (text: string): Hedge => {
  const [, before, after] = /^(?:p(\d{2})|(\d{2})p)$/.exec(text.trim()) ?? []
  const percentile = Number(before ?? after)
  if (percentile >= 50) return { by: 'percentile', percentile }
  const [, number, unit] = /^(\d{1,6}(?:\.\d{1,3})?)(ms|s)$/.exec(text.trim()) ?? []
  const ms = unit === 'ms' || unit === 's' ? Number(number) * factors[unit] : 0
  if (ms >= 1 && ms <= limits.hedgeDelayMs) return { by: 'time', ms }
  throw new MeshError('USAGE', `${quote(text, 32)} is no delay after which another agent is asked.`, {
    hint: `Write 95p (50p to 99p), or a time such as 200ms, at most ${limits.hedgeDelayMs / 1_000}s.`
  })
}

/** Answers that are remembered, */
const remembered = 256
/** how many it takes to say what is slow, */
const leastKnown = 20
/** and after how many more that is worked out anew. */
const renewedEvery = 16

/** How long the heads of the last answers of a service took. */
export class HeadTimes {
  readonly #times = new Float64Array(remembered)
  #count = 0
  #known: { percentile: number; ms: number; atCount: number } | undefined

  /** @param ms - from the request to the head of its answer; of one that was given up, what had passed by then */
  note(ms: number): void {
    this.#times[this.#count % remembered] = ms
    this.#count += 1
  }

  /** @returns the time in milliseconds within which that share of the answers came; undefined while few are known */
  at(percentile: number): number | undefined {
    if (this.#count < leastKnown) return undefined
    const { percentile: before, ms, atCount = 0 } = this.#known ?? {}
    if (ms !== undefined && before === percentile && this.#count - atCount < renewedEvery) return ms
    const sorted = this.#times.slice(0, Math.min(this.#count, remembered)).toSorted()
    const found = sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percentile) / 100))] ?? 0
    this.#known = { percentile, ms: found, atCount: this.#count }
    return found
  }

  /** @returns the delay of a hedge in milliseconds; undefined where it is not known yet */
  delayOf(hedge: Hedge): number | undefined {
    return hedge.by === 'time' ? hedge.ms : this.at(hedge.percentile)
  }
}
