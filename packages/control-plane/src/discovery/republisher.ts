import { limits, toMeshError, type MeshError } from '@agent-mesh/wire'
import { firstOf } from './deadline.ts'
import type { PublishReport, SelfDescription } from './interface.ts'
import type { Publication, Publisher } from './publisher.ts'
import type { RoutingTable } from './dht.ts'

export interface PublicationEvents {
  onPublished?: (report: PublishReport) => void
  /** Nobody stored the record at this try; it is tried again by itself. */
  onPublishFailed?: (error: MeshError) => void
}

/** Keeps a publication alive: it asks for nothing and stops when told. */
export interface Republisher {
  /** Publishes now, and again from then on, also where nobody was there to store it. */
  publish: (description: SelfDescription, signal?: AbortSignal) => Promise<PublishReport>
  withdraw: (signal?: AbortSignal) => Promise<PublishReport>
  start: () => void
  stop: () => void
}

export interface RepublisherInit extends PublicationEvents {
  publisher: Publisher
  table: RoutingTable
  random?: () => number
  /** Holders drop a record after limits.recordTtlMs; it is stored again after a third of that. */
  intervalMs?: number
  /** After the first neighbour came: others come with it, and one round serves all. */
  settleMs?: number
  /** After the table has grown: it mostly goes on growing, and what is stored already can be found. */
  growthMs?: number
}

/** As many holders as a record has in a mesh that is large enough. */
const fullyStoredBy = 20
const firstRetryMs = 2_000

interface Kept {
  description: SelfDescription
  /** Undefined while nobody holds it. */
  storedBy?: number
  tableSize: number
  failures: number
}

export const createRepublisher = ({
  publisher,
  table,
  onPublished,
  onPublishFailed,
  random = Math.random,
  intervalMs = limits.recordTtlMs / 3,
  settleMs = 500,
  growthMs = 3_000
}: RepublisherInit): Republisher => {
  let kept: Kept | undefined
  let timer: NodeJS.Timeout | undefined
  let dueMs = Infinity
  let stopping = new AbortController()
  let refreshing: AbortController | undefined
  /** Publications under way. A refresh beside one would store the former description over it. */
  let publishing = 0

  const cancel = (): void => {
    clearTimeout(timer)
    dueMs = Infinity
  }
  /** The sooner of two dates holds. Jitter keeps nodes that started together apart. */
  const schedule = (afterMs: number): void => {
    if (stopping.signal.aborted) return
    const delayMs = afterMs * (0.9 + 0.2 * random())
    const atMs = performance.now() + delayMs
    if (atMs >= dueMs) return
    cancel()
    dueMs = atMs
    timer = setTimeout(() => {
      void refresh()
    }, delayMs).unref()
  }

  const retryMs = ({ failures }: Kept): number => Math.min(intervalMs, firstRetryMs * 2 ** Math.min(failures - 1, 16))

  const succeeded = (of: Kept, report: Publication): void => {
    const failures = report.missingKeys > 0 ? of.failures + 1 : 0
    Object.assign(of, { storedBy: report.storedBy, failures, tableSize: table.size })
    onPublished?.(report)
    if (of === kept) schedule(failures > 0 ? retryMs(of) : intervalMs)
  }
  const failed = (of: Kept, error: MeshError): void => {
    of.failures++
    delete of.storedBy
    of.tableSize = table.size
    onPublishFailed?.(error)
    // With nobody in the table the first neighbour is what we wait for, not the clock.
    if (of === kept) schedule(retryMs(of))
  }

  const refresh = async (): Promise<void> => {
    cancel()
    const current = kept
    if (current === undefined || publishing > 0) return
    refreshing = new AbortController()
    const signal = firstOf(stopping.signal, refreshing.signal)
    try {
      const isKnown = current.storedBy !== undefined && table.size < 2 * current.tableSize
      const report = await (isKnown ? publisher.refresh : publisher.publish)(current.description, { signal })
      if (!signal.aborted) succeeded(current, report)
    } catch (err) {
      if (!signal.aborted) failed(current, toMeshError(err, 'NOT_PUBLISHED'))
    }
  }

  /** A first neighbour, or twice as many as there were: the closest ones to our keys may be new. */
  const onPeer = (): void => {
    if (kept === undefined) return
    const hasGrown = (kept.storedBy ?? 0) < fullyStoredBy && table.size >= 2 * Math.max(1, kept.tableSize)
    if (kept.storedBy === undefined) schedule(settleMs)
    else if (hasGrown) schedule(growthMs)
  }

  const either = (signal: AbortSignal | undefined): AbortSignal => firstOf(signal, stopping.signal)

  return {
    start: () => {
      stopping = new AbortController()
      table.addEventListener('peer:add', onPeer)
    },
    stop: () => {
      table.removeEventListener('peer:add', onPeer)
      cancel()
      stopping.abort()
    },
    publish: async (description, signal) => {
      const next: Kept = { description, tableSize: table.size, failures: 0 }
      publishing++
      cancel()
      refreshing?.abort()
      try {
        const report = await publisher.publish(description, { signal: either(signal) })
        kept = next
        succeeded(next, report)
        return report
      } catch (err) {
        const error = toMeshError(err, 'NOT_PUBLISHED')
        if (error.code === 'NOT_PUBLISHED' || error.code === 'TIMEOUT') {
          kept = next
          failed(next, error)
        } else if (kept !== undefined) schedule(firstRetryMs)
        throw error
      } finally {
        publishing--
      }
    },
    withdraw: async (signal) => {
      kept = undefined
      cancel()
      refreshing?.abort() // what is on its way would be stored after the tombstone, or delay it
      return publisher.withdraw({ signal: either(signal) })
    }
  }
}
