import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { limits, type SyncState } from '@agent-mesh/wire'
import { checkState, mostKinds } from './sync-message.ts'
import type { Replica } from './interface.ts'

/** What of one message is not an item. */
const overheadBytes = 4096

/** The replicas of this node, by kind. */
export class Inventory {
  readonly #replicas = new Map<string, Replica>()

  /** @throws RangeError where a replica cannot be carried: a defect of this node */
  constructor(replicas: Replica[]) {
    if (replicas.length > mostKinds) throw new RangeError(`${replicas.length} kinds do not fit in one announcement`)
    for (const replica of replicas) {
      const { kind, mostBytes } = replica
      checkState(stateOf(replica))
      if (this.#replicas.has(kind)) throw new RangeError(`there are two replicas of ${kind}`)
      if (mostBytes > limits.syncBytes - overheadBytes)
        throw new RangeError(`an item of ${kind} with ${mostBytes} bytes does not fit in one message`)
      this.#replicas.set(kind, replica)
    }
  }

  get(kind: string): Replica | undefined {
    return this.#replicas.get(kind)
  }

  state(kind: string): SyncState | undefined {
    const replica = this.#replicas.get(kind)
    return replica === undefined ? undefined : stateOf(replica)
  }

  states(): SyncState[] {
    return [...this.#replicas.values()].map(stateOf)
  }

  /** Of the states of another member, those of a kind that is held here, too, with another digest. */
  differing(states: readonly SyncState[]): Replica[] {
    return states.flatMap(({ kind, digest }) => {
      const replica = this.#replicas.get(kind)
      return replica === undefined || isEqual(replica.digest(), digest) ? [] : [replica]
    })
  }
}

export const stateOf = ({ kind, digest, version }: Replica): SyncState => ({
  kind,
  digest: withArrayBuffer(digest()),
  version: version()
})

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
