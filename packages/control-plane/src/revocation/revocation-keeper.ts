import { limits, MeshError } from '@agent-mesh/wire'
import { createRevocationSet, type RevocationSet } from '@agent-mesh/identity'
import type { PublicKey } from '@libp2p/interface'
import type { Replica } from '../replication/interface.ts'

/** Where revocations outlive the process. */
export interface RevocationStore {
  load: () => Promise<Uint8Array[]>
  save: (items: Uint8Array[]) => Promise<void>
}

export interface RevocationKeeperInit {
  networkKey: PublicKey
  store: RevocationStore
  now?: () => number
  /** A revocation holds though it could not be written. */
  onSaveFailed?: (err: unknown) => void
  /** How often what has ended is dropped. Default: one minute. */
  pruneMs?: number
}

/** The revocations of a network as this node holds them: on disk, and as one kind of what members replicate. */
export interface RevocationKeeper
  extends Replica, Pick<RevocationSet, 'isRevoked' | 'find' | 'successorOf' | 'revokedUpToMs' | 'list'> {
  readonly kind: 'revocations'
  /** Takes over what the store has and still verifies. @throws what the store throws */
  load: () => Promise<void>
  /** One that was made here. @throws MeshError REVOCATION_INVALID, LIMIT_EXCEEDED where stronger ones fill its place; what the store throws */
  add: (item: Uint8Array) => Promise<void>
  /** Calls back when something was added, before it is written. @returns the way to stop listening */
  onChange: (listener: () => void) => () => void
  start: () => void
  stop: () => void
}

export const createRevocationKeeper = ({
  networkKey,
  store,
  now = Date.now,
  onSaveFailed = () => {},
  pruneMs = 60_000
}: RevocationKeeperInit): RevocationKeeper => {
  const set = createRevocationSet({ networkKey, now })
  const listeners = new Set<() => void>()
  let timer: NodeJS.Timeout | undefined
  let saving: Promise<void> = Promise.resolve()

  /** One after the other; whoever comes while one is written finds its own in the next. */
  const save = async (): Promise<void> => {
    const next = saving.catch(() => undefined).then(async () => store.save(set.list().map(({ bytes }) => bytes)))
    saving = next
    await next
  }

  const take = async (item: Uint8Array): Promise<boolean> => {
    const isNew = await set.accept(item)
    if (isNew) for (const listener of listeners) listener()
    return isNew
  }

  return {
    kind: 'revocations',
    mostBytes: limits.revocationBytes,
    version: () => 0,
    digest: set.digest,
    ids: set.ids,
    get: set.get,
    isRevoked: set.isRevoked,
    find: set.find,
    successorOf: set.successorOf,
    revokedUpToMs: set.revokedUpToMs,
    list: set.list,
    load: async () => {
      await set.union(await store.load())
    },
    add: async (item) => {
      if (!(await take(item)))
        throw new MeshError('LIMIT_EXCEEDED', `${limits.revocations} stronger or later revocations are held already.`)
      await save()
    },
    accept: async (item) => {
      const isNew = await take(item)
      if (isNew) await save().catch(onSaveFailed)
      return isNew
    },
    onChange: (listener) => {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    start: () => {
      timer ??= setInterval(() => {
        if (set.prune()) save().catch(onSaveFailed)
      }, pruneMs).unref()
    },
    stop: () => {
      clearInterval(timer)
      timer = undefined
    }
  }
}
