import { nearCapabilities, parseCapability, withAncestors } from '@agent-mesh/wire'
import { deadline } from './deadline.ts'
import { parallelMap } from './parallel.ts'
import type { PeerId } from '@libp2p/interface'
import type { Finder } from './finder.ts'
import type { RecordBook } from './record-book.ts'

export interface SuggestInit {
  book: RecordBook
  finder: Finder
  /** Members that are connected: their records say what is in use nearby. */
  members: () => PeerId[]
}

/** A hint for people is worth a short wait only. */
const learnMs = 2_000
const membersAsked = 32
const agentsPerAncestor = 16
const concurrency = 8

/**
 * Paths in use that resemble one that is not: from known records, those of connected members, and those of agents
 * below the same ancestors. Nothing where the path itself is in use.
 * @throws MeshError CAPABILITY_INVALID
 */
export const createSuggest =
  ({ book, finder, members }: SuggestInit) =>
  async (text: string, { signal }: { signal: AbortSignal }): Promise<string[]> => {
    const path = parseCapability(text)
    const near = (): string[] => {
      const inUse = book.pathsInUse()
      return inUse.has(path) ? [] : nearCapabilities(path, inUse)
    }
    if (book.pathsInUse().has(path)) return []
    const until = deadline(learnMs, signal)
    const unknown = members()
      .filter((peer) => book.get(peer) === undefined)
      .slice(0, membersAsked)
    // Each lookup leaves what it verified in the book.
    const lookups: Array<() => Promise<unknown>> = [
      ...unknown.map((peer) => async () => finder.record(peer, { signal: until })),
      ...withAncestors(path)
        .slice(1)
        .map((ancestor) => async () => {
          for await (const record of finder.find(ancestor, { signal: until, limit: agentsPerAncestor })) void record
        })
    ]
    const source = (async function* () {
      yield* lookups
    })()
    const run = parallelMap(concurrency, async (lookup: () => Promise<unknown>) => lookup().catch(() => undefined))
    for await (const done of run(source)) void done
    return near()
  }
