import { formatTarget, type Target } from '@agent-mesh/wire'
import type { Candidate, PathResolver } from '../interfaces.ts'

/** How old a ranking may be for a first try, in milliseconds: shorter than any news of health takes. */
export const rankedMs = 100

/** Targets that are remembered at once. */
const remembered = 64

/**
 * A resolver whose last answers stand for a moment, for whoever asks at every request: gathering and ranking what is known
 * costs more than the rest of choosing.
 */
export class RecentCandidates {
  readonly #resolver: PathResolver
  readonly #now: () => number
  readonly #known = new Map<string, { candidates: Candidate[]; atMs: number }>()

  /** @param now - monotonic milliseconds */
  constructor(resolver: PathResolver, now: () => number) {
    this.#resolver = resolver
    this.#now = now
  }

  /**
   * @param options.maxAgeMs - oldest answer that will do
   * @throws MeshError what the resolver throws
   */
  async resolve(target: Target, { signal, maxAgeMs }: { signal: AbortSignal; maxAgeMs: number }): Promise<Candidate[]> {
    const held = this.held(target, maxAgeMs)
    if (held !== undefined) return held
    const key = formatTarget(target)
    this.#known.delete(key)
    const candidates = await this.#resolver.resolve(target, { signal })
    const oldest = this.#known.size >= remembered ? this.#known.keys().next() : undefined
    if (oldest?.done === false) this.#known.delete(oldest.value)
    this.#known.set(key, { candidates, atMs: this.#now() })
    return candidates
  }

  /** The last answer for a target; undefined where there is none of that age. */
  held(target: Target, maxAgeMs: number): Candidate[] | undefined {
    const known = this.#known.get(formatTarget(target))
    return known !== undefined && this.#now() - known.atMs < maxAgeMs ? known.candidates : undefined
  }
}
