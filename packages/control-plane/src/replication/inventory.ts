import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { limits, type SyncState } from '@agent-mesh/wire'
import { checkState, mostKinds } from './sync-message.ts'
import type { Replica } from './interface.ts'

/** What of one message is not an item. */
const overheadBytes = 4096

/** The replicas of this node, by kind. */
export class Inventory {
  readonly #replicas = new Map<string, Replica>()
  readonly #now: () => number
  readonly #since = new Map<string, { digest: Uint8Array; sinceMs: number }>()

  /**
   * @param now - milliseconds; only differences matter
   * @throws RangeError where a replica cannot be carried: a defect of this node
   */
  constructor(replicas: Replica[], now: () => number) {
    this.#now = now
    if (replicas.length > mostKinds) throw new RangeError(`${replicas.length} kinds do not fit in one announcement`)
    for (const replica of replicas) {
      const { kind, mostBytes } = replica
      checkState(this.stateOf(replica))
      if (this.#replicas.has(kind)) throw new RangeError(`there are two replicas of ${kind}`)
      if (mostBytes > limits.syncBytes - overheadBytes)
        throw new RangeError(`an item of ${kind} with ${mostBytes} bytes does not fit in one message`)
      this.#replicas.set(kind, replica)
    }
  }

  get(kind: string): Replica | undefined {
    return this.#replicas.get(kind)
  }

  states(): SyncState[] {
    return [...this.#replicas.values()].map((replica) => this.stateOf(replica))
  }

  /** Those that are announced. */
  announced(): SyncState[] {
    return [...this.#replicas.values()].filter(isAnnounced).map((replica) => this.stateOf(replica))
  }

  /** What is held of a kind, and for how long: since this was first called with it. */
  stateOf(replica: Replica): SyncState {
    const { kind } = replica
    const digest = replica.digest()
    const known = this.#since.get(kind)
    const since =
      known !== undefined && isEqual(known.digest, digest)
        ? known
        : { digest: Uint8Array.from(digest), sinceMs: this.#now() }
    this.#since.set(kind, since)
    const ageMs = Math.max(0, Math.round(this.#now() - since.sinceMs))
    return { kind, digest: withArrayBuffer(digest), version: replica.version(), ageMs }
  }

  /** Of the states of another member, those of a kind that is held here, too, with another digest. */
  differing(states: readonly SyncState[]): Replica[] {
    return states.flatMap(({ kind, digest }) => {
      const replica = this.#replicas.get(kind)
      return replica === undefined || isEqual(replica.digest(), digest) ? [] : [replica]
    })
  }

  /** As `differing`, of the kinds that are announced: a difference is a reason to ask. */
  differingAnnounced(states: readonly SyncState[]): Replica[] {
    return this.differing(states).filter(isAnnounced)
  }
}

const isAnnounced = ({ isQuiet = false }: Replica): boolean => !isQuiet

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
