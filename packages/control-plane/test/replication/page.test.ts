import { describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { composeDelivery, composePage, idOf, mostHeldIds } from '../../src/replication/page.ts'
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeDelivery,
  encodeRequest
} from '../../src/replication/sync-message.ts'
import { growingSet, sealed, stateOf, versionedDocument } from './replicas.ts'

const filled = (from: number, to: number, bytes = 700): ReturnType<typeof growingSet> => {
  const set = growingSet()
  for (let index = from; index < to; index++) set.add(sealed(`${index} `.padEnd(bytes, 'x')))
  return set
}

describe('a page', () => {
  it('holds what the other side lacks and names what is lacking here', () => {
    const here = filled(0, 3)
    const there = filled(2, 5)
    const page = composePage(here, there.ids())
    expect(page.items).toHaveLength(2)
    expect(page.hasMore).toBe(false)
    expect(page.wanted).toHaveLength(2)
    expect(composeDelivery(there, page.wanted)).toMatchObject({ isAll: true, ids: { length: 2 } })
  })

  it('is empty for one that holds the same', () => {
    const set = filled(0, 100)
    expect(composePage(set, set.ids())).toEqual({ items: [], wanted: [], hasMore: false })
  })

  it('never exceeds the limit of a message, with as many items and as many wanted ids as there may be', () => {
    const here = filled(0, limits.revocations)
    const there = filled(limits.revocations, 3 * limits.revocations, 40)
    const page = composePage(here, there.ids())
    const bytes = encodeAnswer(stateOf(here), page)
    expect(bytes.length).toBeLessThanOrEqual(limits.syncBytes)
    expect(page.items.length).toBeGreaterThan(400)
    expect(page.wanted.length).toBe(4096)
    expect(page.hasMore).toBe(true)
    expect(encodeDelivery(composeDelivery(here, here.ids()).items).length).toBeLessThanOrEqual(limits.syncBytes)
    expect(decodeAnswer(bytes, 'set').items).toHaveLength(page.items.length)
  })

  it('has room for the largest item beside any number of wanted ids', () => {
    const document = versionedDocument('document', 500 * 1024)
    document.write(1, 499 * 1024)
    const there = filled(0, mostHeldIds, 40)
    const page = composePage(document, there.ids())
    expect(page.items).toHaveLength(1)
    expect(encodeAnswer(stateOf(document), page).length).toBeLessThanOrEqual(limits.syncBytes)
  })

  it('leaves out what is gone meanwhile', () => {
    const document = versionedDocument()
    document.write(1)
    const [old] = document.ids()
    document.write(2)
    expect(composeDelivery(document, [old ?? new Uint8Array()])).toEqual({ items: [], ids: [], isAll: true })
  })

  it('can be asked for with as many ids as a replica may hold, and not one more', () => {
    const id = idOf(new Uint8Array())
    const state = stateOf(growingSet())
    const request = (count: number): Uint8Array =>
      encodeRequest(
        state,
        Array.from({ length: count }, () => id)
      )
    expect(decodeRequest(request(mostHeldIds)).held).toHaveLength(mostHeldIds)
    const entryBytes = 34
    const tooMany = Math.ceil(limits.syncBytes / entryBytes)
    expect(() => decodeRequest(request(tooMany))).toThrowError(expect.objectContaining({ code: 'SYNC_INVALID' }))
  })
})
