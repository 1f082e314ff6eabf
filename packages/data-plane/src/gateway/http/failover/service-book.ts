import { limits } from '@agent-mesh/wire'
import { Budget } from './budget.ts'
import { HeadTimes } from './hedge.ts'

/** What is remembered of the requests to one destination, whoever of its agents was asked. */
export interface ServiceMemory {
  repeats: Budget
  hedges: Budget
  headTimes: HeadTimes
}

/** Destinations that are remembered; the longest unused is forgotten first. */
const remembered = 256

/** One memory for each destination. */
export class ServiceBook {
  readonly #now: () => number
  readonly #memories = new Map<string, ServiceMemory>()

  /** @param now - monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  of(destination: string): ServiceMemory {
    const now = this.#now
    const known = this.#memories.get(destination)
    this.#memories.delete(destination)
    const oldest = this.#memories.size >= remembered ? this.#memories.keys().next() : undefined
    if (oldest?.done === false) this.#memories.delete(oldest.value)
    const memory = known ?? {
      repeats: new Budget({
        perRequest: limits.repeatsPercent / 100,
        perSecond: limits.repeatsPerSecond,
        most: limits.repeatsSaved,
        now
      }),
      hedges: new Budget({
        perRequest: limits.hedgesPercent / 100,
        perSecond: 0,
        most: limits.hedgesSaved,
        first: 1,
        now
      }),
      headTimes: new HeadTimes()
    }
    this.#memories.set(destination, memory)
    return memory
  }
}
