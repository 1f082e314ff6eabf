import { limits, toMeshError, type ErrorCode } from '@agent-mesh/wire'
import { BoundedMap } from '../admission/bounded-map.ts'
import { idKey, idOf } from './page.ts'
import type { PeerId } from '@libp2p/interface'
import type { Replica, ReplicationEvents } from './interface.ts'

/** What became of the items of one message. */
export interface Taken {
  taken: number
  refused: number
  /** Ids of all items that were looked at, so that nobody sends them again. */
  seen: Uint8Array[]
  /** There was so much rubbish that the rest was not looked at. */
  isHopeless: boolean
}

export interface IntakeInit extends Pick<ReplicationEvents, 'onChange' | 'onRefused'> {
  /** Milliseconds; only differences matter. */
  now: () => number
}

/** An item that does not verify now may do so later, such as when a clock was set. */
const refusedMs = 2 * limits.syncIntervalMs
const refusedRemembered = 4096
/** Refused items beyond the good ones of a message, after which the rest is not looked at. */
const mostRefused = 16
/** Items between two breaks: whoever verifies in one go must not stop everything else. */
const itemsInOneGo = 16

/** The sender holds something old: it will learn. */
const outdated = /_(?:STALE|OUTDATED|EXPIRED)$/
/** The fault of this node. */
const ownFaults = new Set<ErrorCode>(['INTERNAL', 'STATE_UNREADABLE', 'STATE_DAMAGED', 'SHUTTING_DOWN', 'CANCELLED'])

/** Hands items of other members to their replica, one at a time for each kind, and remembers what was refused. */
export class Intake {
  readonly #init: IntakeInit
  readonly #refused = new BoundedMap<string, number>(refusedRemembered)
  readonly #turns = new Map<string, Promise<void>>()

  constructor(init: IntakeInit) {
    this.#init = init
  }

  /** Never rejects for what an item is. @throws the reason of the signal, between two items */
  async take(replica: Replica, items: readonly Uint8Array[], from: PeerId, signal: AbortSignal): Promise<Taken> {
    const result: Taken = { taken: 0, refused: 0, seen: [], isHopeless: false }
    for (const [index, item] of items.entries()) {
      if (result.refused > mostRefused + result.taken) return { ...result, isHopeless: true }
      if (index % itemsInOneGo === itemsInOneGo - 1) await new Promise((resolve) => setImmediate(resolve))
      const id = item.length > replica.mostBytes ? undefined : idOf(item)
      if (id !== undefined) result.seen.push(id)
      const outcome = await this.#inTurn(replica.kind, async () => {
        signal.throwIfAborted()
        return this.#one(replica, item, id, from)
      })
      if (outcome === 'taken') result.taken++
      if (outcome === 'refused') result.refused++
    }
    return result
  }

  async #one(
    replica: Replica,
    item: Uint8Array,
    id: Uint8Array | undefined,
    from: PeerId
  ): Promise<'taken' | 'known' | 'refused'> {
    const { now, onChange, onRefused } = this.#init
    const { kind } = replica
    if (id === undefined || item.length === 0) {
      onRefused?.(kind, from, 'LIMIT_EXCEEDED')
      return 'refused'
    }
    if (replica.get(id) !== undefined) return 'known'
    const key = `${kind} ${idKey(id)}`
    if ((this.#refused.get(key) ?? 0) > now()) return 'refused'
    try {
      // a copy: what arrives is a view of a larger buffer, and must not change after it was verified
      if (!(await replica.accept(Uint8Array.from(item), from))) return 'known'
    } catch (err) {
      const { code } = toMeshError(err)
      if (outdated.test(code)) return 'known'
      onRefused?.(kind, from, code)
      if (ownFaults.has(code)) return 'known'
      this.#refused.set(key, now() + refusedMs)
      return 'refused'
    }
    onChange?.(kind, from)
    return 'taken'
  }

  async #inTurn<T>(kind: string, task: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(kind)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#turns.set(kind, promise)
    try {
      await before
      return await task()
    } finally {
      resolve()
      if (this.#turns.get(kind) === promise) this.#turns.delete(kind)
    }
  }
}
