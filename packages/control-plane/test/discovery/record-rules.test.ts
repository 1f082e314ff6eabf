import * as fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTestNetwork, VirtualClock, type TestNetwork } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import { createRecordBook, type RecordBook } from '../../src/discovery/record-book.ts'
import { createRecordCache } from '../../src/discovery/record-cache.ts'
import { bestRecord, compareRecords, createSequenceGuard } from '../../src/discovery/record-rules.ts'
import { recordOf } from './fixture.ts'
import type { VerifiedRecord } from '../../src/discovery/interface.ts'

let network: TestNetwork
let records: VerifiedRecord[]
const clock = new VirtualClock(1_700_000_000_000)
beforeAll(async () => {
  network = await createTestNetwork()
  records = await Promise.all(
    ['alice', 'bob', 'carol'].map(async (name) => {
      const member = await network.member(name, { notBeforeMs: clock.now() })
      return bookOf().verify(await recordOf(network, member, { sequence: 5, issuedMs: clock.now() }))
    })
  )
})

const bookOf = (size?: number): RecordBook =>
  createRecordBook({
    networkId: network.networkId,
    networkKey: network.networkKey,
    now: clock.now,
    ...(size === undefined ? {} : { size })
  })

const nth = (index: number): VerifiedRecord => {
  const record = records[index]
  if (record === undefined) throw new RangeError(`no record ${index}`)
  return record
}

const arbitraryRank = fc.record({
  sequence: fc.integer({ min: 1, max: 3 }),
  issuedMs: fc.integer({ min: 1, max: 3 }),
  bytes: fc.uint8Array({ maxLength: 2 })
})

describe('of two records', () => {
  it('the higher sequence wins, then the later issue, then the lower hash', () => {
    const base = { sequence: 2, issuedMs: 10, bytes: Uint8Array.of(1) }
    expect(compareRecords({ ...base, sequence: 3, issuedMs: 1 }, base)).toBeLessThan(0)
    expect(compareRecords({ ...base, issuedMs: 11 }, base)).toBeLessThan(0)
    const other = { ...base, bytes: Uint8Array.of(2) }
    expect(Math.sign(compareRecords(base, other))).toBe(-Math.sign(compareRecords(other, base)))
    expect(compareRecords(base, { ...base })).toBe(0)
  })

  it('the same one wins in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(arbitraryRank, { minLength: 1 }), (all) => {
        const best = bestRecord(all)
        for (const order of [all.toReversed(), all.toSorted(compareRecords)]) {
          const other = bestRecord(order)
          if (best === undefined || other === undefined || compareRecords(best, other) !== 0) return false
        }
        return all.every((one) => best !== undefined && compareRecords(best, one) <= 0)
      })
    )
  })
})

describe('the sequence guard', () => {
  it('refuses what is older than the newest it saw, tombstones included', () => {
    const guard = createSequenceGuard({ now: clock.now })
    const record = nth(0)
    guard.accept({ ...record, sequence: 6, isWithdrawn: true })
    expect(() => guard.accept(record)).toThrow(expect.objectContaining({ code: 'RECORD_STALE' }))
    guard.accept({ ...record, sequence: 6, isWithdrawn: true })
    guard.accept({ ...record, sequence: 7 })
    guard.accept(nth(1))
  })

  it('forgets an author when no older record of it could be accepted any more', () => {
    const later = new VirtualClock(clock.now())
    const guard = createSequenceGuard({ now: later.now })
    guard.accept({ ...nth(0), sequence: 9 })
    later.advance(limits.recordTtlMs + limits.clockToleranceMs - 1)
    expect(() => guard.accept(nth(0))).toThrow(expect.objectContaining({ code: 'RECORD_STALE' }))
    later.advance(1)
    guard.accept(nth(0))
  })

  it('remembers a bounded number of authors, the latest of them', () => {
    const guard = createSequenceGuard({ now: clock.now, size: 2 })
    for (const index of [0, 1, 2]) guard.accept({ ...nth(index), sequence: 9 })
    expect(() => guard.accept(nth(2))).toThrow('older')
    expect(() => guard.accept(nth(1))).toThrow('older')
    guard.accept(nth(0))
  })
})

describe('the record cache', () => {
  it('keeps the newest record of an author for one lifetime after it was first seen', () => {
    const time = new VirtualClock(clock.now())
    const cache = createRecordCache({ now: time.now })
    const record = nth(0)
    cache.add(record)
    cache.add({ ...record, sequence: 4 })
    expect(cache.get(record.peerId)?.sequence).toBe(5)
    time.advance(limits.recordTtlMs - 1)
    cache.add(record)
    expect(cache.all()).toHaveLength(1)
    time.advance(1)
    expect([cache.get(record.peerId), cache.all()]).toEqual([undefined, []])
  })

  it('tells what was confirmed lately from what is only not expired', () => {
    const time = new VirtualClock(clock.now())
    const cache = createRecordCache({ now: time.now })
    cache.add(nth(0))
    time.advance(5_000)
    expect(cache.get(nth(0).peerId, 5_000)).toBeUndefined()
    expect(cache.get(nth(0).peerId)).toBeDefined()
    cache.add(nth(0))
    expect(cache.get(nth(0).peerId, 5_000)).toBeDefined()
  })

  it('holds a bounded number of authors', () => {
    const cache = createRecordCache({ now: clock.now, size: 2 })
    for (const record of records) cache.add(record)
    expect(cache.all().map((record) => record.membership.name)).toEqual(['bob', 'carol'])
    cache.forget(nth(1).peerId)
    expect(cache.all()).toHaveLength(1)
  })
})

describe('the record book', () => {
  it('takes over news, refuses what is old, and names the paths in use', async () => {
    const book = bookOf()
    const alice = await network.member('alice', { notBeforeMs: clock.now() })
    const record = async (sequence: number, isWithdrawn = false): Promise<Uint8Array> =>
      recordOf(network, alice, { sequence, issuedMs: clock.now(), isWithdrawn })
    await book.accept(await record(2))
    await expect(book.accept(await record(1))).rejects.toMatchObject({ code: 'RECORD_STALE' })
    expect((await book.verify(await record(1))).sequence).toBe(1)
    expect([...book.pathsInUse()].toSorted()).toEqual([
      'language_processing',
      'language_processing/translation',
      'math'
    ])
    await book.accept(await record(3, true))
    expect(book.pathsInUse().size).toBe(0)
  })

  it('looks at the time of what it verified before', async () => {
    const time = new VirtualClock(clock.now())
    const book = createRecordBook({ networkId: network.networkId, networkKey: network.networkKey, now: time.now })
    const alice = await network.member('alice', { notBeforeMs: clock.now() })
    const bytes = await recordOf(network, alice, { issuedMs: clock.now(), ttlMs: 1 })
    await book.verify(bytes)
    time.jump(limits.clockToleranceMs + 2)
    await expect(book.verify(bytes)).rejects.toMatchObject({ code: 'RECORD_EXPIRED' })
    await expect(book.verify(bytes, nth(0).peerId)).rejects.toMatchObject({ code: 'RECORD_INVALID' })
  })
})
