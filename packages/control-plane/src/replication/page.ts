import { createHash } from 'node:crypto'
import { limits } from '@agent-mesh/wire'
import type { Replica } from './interface.ts'
import type { Page } from './sync-message.ts'

type Held = Pick<Replica, 'ids' | 'get' | 'mostBytes'>

const idBytes = 32
/** Tag and length of one entry of a list, at most. */
const entryBytes = 5
/** Everything in a message but its lists. */
const frameBytes = 1024

/** Ids that fit in one request. A replica holds no more items. */
export const mostHeldIds = Math.floor((limits.syncBytes - frameBytes) / (idBytes + entryBytes))
/** Ids that an answer asks for at once: what is left has to hold a page worth its trip. */
const mostWantedIds = 4096

export const idOf = (item: Uint8Array): Uint8Array => createHash('sha256').update(item).digest()

/** An id as a key of a map. */
export const idKey = (id: Uint8Array): string => Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('base64')

/** As many of the items as fit in the room, in their order; always at least the first. */
const fitting = (
  replica: Held,
  ids: Uint8Array[],
  roomBytes: number
): { items: Uint8Array[]; ids: Uint8Array[]; isAll: boolean } => {
  const items: Uint8Array[] = []
  const sent: Uint8Array[] = []
  let left = roomBytes
  for (const id of ids) {
    const item = replica.get(id)
    if (item === undefined) continue
    left -= item.length + entryBytes
    if (left < 0) return { items, ids: sent, isAll: false }
    items.push(item)
    sent.push(id)
  }
  return { items, ids: sent, isAll: true }
}

/** The answer to a member that holds these ids: what it lacks, as far as it fits, and what is lacking here. */
export const composePage = (replica: Held, held: Uint8Array[], mostBytes: number = limits.syncBytes): Page => {
  const room = mostBytes - frameBytes
  const own = replica.ids()
  const ownKeys = new Set(own.map(idKey))
  const heldKeys = new Set(held.map(idKey))
  const lacking = held.filter((id) => !ownKeys.has(idKey(id)))
  // the largest item always fits beside the ids, or a page could be empty for ever
  const mostWanted = Math.min(
    mostWantedIds,
    Math.floor((room - replica.mostBytes - entryBytes) / (idBytes + entryBytes))
  )
  const wanted = lacking.slice(0, Math.max(0, mostWanted))
  const page = fitting(
    replica,
    own.filter((id) => !heldKeys.has(idKey(id))),
    room - wanted.length * (idBytes + entryBytes)
  )
  return { items: page.items, wanted, hasMore: !page.isAll || wanted.length < lacking.length }
}

/** What of the wanted is held here, as far as it fits in one message. */
export const composeDelivery = (
  replica: Held,
  wanted: Uint8Array[],
  mostBytes: number = limits.syncBytes
): { items: Uint8Array[]; ids: Uint8Array[]; isAll: boolean } => fitting(replica, wanted, mostBytes - frameBytes)
