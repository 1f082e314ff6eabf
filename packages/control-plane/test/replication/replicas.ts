import { createHash } from 'node:crypto'
import { MeshError } from '@agent-mesh/wire'
import type { SyncState } from '@agent-mesh/wire'
import type { Replica } from '../../src/replication/interface.ts'

const hash = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()
const keyOf = (id: Uint8Array): string => Buffer.from(id).toString('hex')

const seal = 'sealed '

/** An item that verifies; anything without the seal is a forgery. */
export const sealed = (text: string): Uint8Array => Buffer.from(seal + text)

const isSealed = (item: Uint8Array): boolean => Buffer.from(item.subarray(0, seal.length)).toString('latin1') === seal

export interface SetReplica extends Replica {
  /** As if made here. */
  add: (...items: Uint8Array[]) => void
  size: () => number
  has: (item: Uint8Array) => boolean
  /** How often an item of another member was looked at. */
  looks: () => number
}

/** Items are never taken out; sets merge by union. */
export const growingSet = (kind = 'set', mostBytes = 6 * 1024): SetReplica => {
  const items = new Map<string, Uint8Array>()
  let digest: Uint8Array | undefined
  let looks = 0
  const add = (...added: Uint8Array[]): void => {
    for (const item of added) items.set(keyOf(hash(item)), item)
    digest = undefined
  }
  return {
    kind,
    mostBytes,
    digest: () => (digest ??= hash(Buffer.from([...items.keys()].toSorted().join()))),
    version: () => 0,
    ids: () => [...items.keys()].map((key) => Buffer.from(key, 'hex')),
    get: (id) => items.get(keyOf(id)),
    accept: async (item) => {
      looks++
      if (!isSealed(item)) throw new MeshError('REVOCATION_INVALID')
      const isNew = !items.has(keyOf(hash(item)))
      add(item)
      return isNew
    },
    add,
    size: () => items.size,
    has: (item) => items.has(keyOf(hash(item))),
    looks: () => looks
  }
}

export interface DocumentReplica extends Replica {
  write: (version: number, padBytes?: number) => void
}

const versionOf = (item: Uint8Array): number => Number(Buffer.from(item).toString('latin1').split(' ')[1])

/** One document, of which the newest version holds. */
export const versionedDocument = (kind = 'document', mostBytes = 256 * 1024): DocumentReplica => {
  let current: Uint8Array | undefined
  const version = (): number => (current === undefined ? 0 : versionOf(current))
  return {
    kind,
    mostBytes,
    digest: () => hash(current ?? new Uint8Array()),
    version,
    ids: () => (current === undefined ? [] : [hash(current)]),
    get: (id) => (current !== undefined && keyOf(hash(current)) === keyOf(id) ? current : undefined),
    accept: async (item) => {
      if (!isSealed(item)) throw new MeshError('POLICY_INVALID')
      if (versionOf(item) < version()) throw new MeshError('POLICY_OUTDATED')
      current = item
      return true
    },
    write: (next, padBytes = 0) => {
      current = Buffer.concat([sealed(`${next} `), Buffer.alloc(padBytes, 'x')])
    }
  }
}

export const stateOf = ({ kind, digest, version }: Replica): SyncState => ({
  kind,
  digest: Uint8Array.from(digest()),
  version: version(),
  ageMs: 0
})
