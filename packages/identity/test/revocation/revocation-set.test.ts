import { assert, asyncProperty, constantFrom, subarray } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRevocationSet, sealSuccession, type RevocationSet } from '@agent-mesh/identity'
import { limits } from '@agent-mesh/wire'
import { dayMs, delegate, idOf, keyOf, member, networkKey, nowMs } from '../network-fixture.ts'
import { hex } from '../judge.ts'
import {
  admin,
  adminChain,
  delegateOwnChain,
  issue,
  membershipOf,
  otherDelegateChain,
  otherDelegate,
  revoke,
  type Signer
} from './fixture.ts'

const create = (most?: number, now = () => nowMs): RevocationSet =>
  createRevocationSet({ networkKey, now, ...(most === undefined ? {} : { most }) })

const holding = async (...items: Uint8Array[]): Promise<RevocationSet> => {
  const set = create()
  for (const item of items) await set.accept(item)
  return set
}

const held = (set: RevocationSet): Uint8Array[] => set.list().map(({ bytes }) => bytes)

const state = (set: RevocationSet): string => `${hex([set.digest()])} ${hex(set.ids())}`
const of = async (most: number, ...parts: Uint8Array[][]): Promise<RevocationSet> => {
  const set = create(most)
  for (const part of parts) await set.union(part)
  return set
}

/** A member by the word of the delegate. */
const leaf = async (notBeforeMs: number, issuerChain: Uint8Array[]) =>
  membershipOf(await issue(member, { issuer: delegate, issuerChain, notBeforeMs }))

describe('a set of revocations', () => {
  it('revokes one certificate by its serial, and a peer up to a time', async () => {
    const [old, later] = [await issue(member), await issue(member, { notBeforeMs: nowMs + 1 })]
    const [first, second] = [await membershipOf(old), await membershipOf(later)]
    const bySerial = await holding(await revoke('root', { serial: second.serial }))
    expect([bySerial.isRevoked(first), bySerial.isRevoked(second)]).toEqual([false, true])
    const byPeer = await holding(await revoke('root'))
    expect([byPeer.isRevoked(first), byPeer.isRevoked(second)]).toEqual([true, false])
    const other = await membershipOf(adminChain)
    expect([bySerial.isRevoked(other), byPeer.isRevoked(other)]).toEqual([false, false])
    // a serial is the choice of whoever issues: it hits nobody but its own peer
    expect(bySerial.isRevoked({ ...other, serial: second.serial })).toBe(false)
    expect(byPeer.revokedUpToMs(idOf(member))).toBe(nowMs)
  })

  it('lets a delegate revoke those alone whom it admitted', async () => {
    const set = await holding(await revoke('delegate'))
    const own = await issue(member, { issuer: delegate, issuerChain: delegateOwnChain })
    const others = await issue(member, { issuer: otherDelegate, issuerChain: otherDelegateChain })
    expect(set.isRevoked(await membershipOf(own))).toBe(true)
    expect(set.isRevoked(await membershipOf(others))).toBe(false)
    expect(set.isRevoked(await membershipOf(await issue(member)))).toBe(false)
  })

  it('revokes with a delegate those whom it admitted, whatever certificate of it they show', async () => {
    const again = await issue(delegate, { mayAdmit: true, notBeforeMs: nowMs + 1 })
    for (const serial of [undefined, (await membershipOf(delegateOwnChain)).serial]) {
      const set = await holding(
        await revoke('admin', { peerId: idOf(delegate), ...(serial === undefined ? {} : { serial }) })
      )
      expect(set.isRevoked(await leaf(nowMs - 5, delegateOwnChain))).toBe(true)
      expect(set.isRevoked(await leaf(nowMs - 5, again))).toBe(true)
      expect(set.isRevoked(await leaf(nowMs + 5, delegateOwnChain))).toBe(true)
      expect(set.isRevoked(await leaf(nowMs + 5, again))).toBe(false)
    }
  })

  it('does not revive an old certificate through a later one of its issuer', async () => {
    const again = await issue(delegate, { mayAdmit: true, notBeforeMs: nowMs + dayMs })
    const old = await issue(member, { issuer: delegate, issuerChain: again })
    expect((await membershipOf(old)).notBeforeMs).toBe(nowMs + dayMs)
    const set = await holding(await revoke('root'))
    expect(set.isRevoked(await membershipOf(old))).toBe(true)
  })

  it('leaves those whom a delegate admitted before an orderly change of its key', async () => {
    const succession = await sealSuccession({ networkKey, newPeer: idOf(await keyOf(31)), timeMs: nowMs }, delegate)
    const set = await holding(await revoke('admin', { peerId: idOf(delegate), succession }))
    const before = await issue(member, { issuer: delegate, issuerChain: delegateOwnChain })
    const after = await issue(member, { issuer: delegate, issuerChain: delegateOwnChain, notBeforeMs: nowMs + 1 })
    expect(set.isRevoked(await membershipOf(before))).toBe(false)
    expect(set.isRevoked(await membershipOf(after))).toBe(true)
  })

  it('holds what admins on two sides of a partition revoked, and voids what one signed after the root put it out', async () => {
    const target = await membershipOf(await issue(member))
    const adminTarget = await membershipOf(adminChain)
    const both = await holding(
      await revoke('admin', { revokedMs: nowMs }),
      await revoke('otherAdmin', { peerId: idOf(admin), revokedMs: nowMs - 10 })
    )
    expect([both.isRevoked(target), both.isRevoked(adminTarget)]).toEqual([true, true])
    const late = await revoke('admin', { revokedMs: nowMs })
    const put = await revoke('root', { peerId: idOf(admin), revokedMs: nowMs - 10 })
    const set = await holding(late, put)
    expect([set.isRevoked(target), set.isRevoked(adminTarget)]).toEqual([false, true])
    const after = await revoke('root', { peerId: idOf(admin), revokedMs: nowMs + 10 })
    expect((await holding(late, after)).isRevoked(target)).toBe(true)
  })

  it('follows changes of keys, and does not go round in circles', async () => {
    const keys = await Promise.all([40, 41, 42].map(keyOf))
    const [a, b, c] = keys
    if (a === undefined || b === undefined || c === undefined) throw new Error('three keys')
    const step = async (from: typeof a, to: typeof a) =>
      revoke('root', {
        peerId: idOf(from),
        succession: await sealSuccession({ networkKey, newPeer: idOf(to), timeMs: nowMs }, from)
      })
    const set = await holding(await step(a, b), await step(b, c))
    expect(set.successorOf(idOf(a))?.equals(idOf(c))).toBe(true)
    expect(set.successorOf(idOf(c))).toBeUndefined()
    await set.accept(await step(c, a))
    expect(set.successorOf(idOf(a))?.equals(idOf(c))).toBe(true)
  })

  it('drops what has ended, with the tolerance of clocks', async () => {
    let atMs = nowMs
    const set = create(undefined, () => atMs)
    const bytes = await revoke('root', { untilMs: nowMs + dayMs })
    const empty = set.digest()
    await set.accept(bytes)
    atMs = nowMs + dayMs + limits.clockToleranceMs
    expect(set.prune()).toBe(false)
    atMs += 1
    expect(set.prune()).toBe(true)
    expect(set.digest()).toEqual(empty)
    // others, whose clocks are behind, still tell of it
    await expect(set.accept(bytes)).resolves.toBe(false)
  })

  it('holds a few of each target and so many in all, the strongest', async () => {
    const set = create(6)
    for (let ms = 0; ms < 5; ms++) await set.accept(await revoke('admin', { revokedMs: nowMs - ms }))
    expect(set.list().map(({ revokedMs }) => nowMs - revokedMs)).toEqual([0, 1, 2])
    for (let number = 50; number < 60; number++) {
      await set.accept(await revoke('admin', { peerId: idOf(await keyOf(number)), revokedMs: nowMs - 100 }))
    }
    expect(set.list()).toHaveLength(6)
    expect(set.isRevoked(await membershipOf(await issue(member)))).toBe(true)
    await set.accept(await revoke('root', { revokedMs: nowMs - 1000, peerId: idOf(await keyOf(70)) }))
    expect(set.list().map(({ right }) => right)).toEqual(['root', 'admin', 'admin', 'admin', 'admin', 'admin'])
  })

  it('is the same in whatever order it came: union is commutative, associative and idempotent', async () => {
    const by: Signer[] = ['root', 'admin', 'otherAdmin', 'delegate', 'otherDelegate']
    const items: Uint8Array[] = []
    for (const signer of by) {
      for (let i = 0; i < 10; i++) {
        const key = await keyOf(80 + (i % 3))
        items.push(await revoke(signer, { peerId: idOf(key), revokedMs: nowMs - ((i * 7) % 5) }))
      }
    }
    const part = subarray(items)
    await assert(
      asyncProperty(part, part, part, constantFrom(5, 12, 4096), async (a, b, c, most) => {
        const all = await of(most, a, b, c)
        expect(state(await of(most, c.toReversed(), a, b.toReversed()))).toBe(state(all))
        const ab = await of(most, a, b)
        expect(state(await of(most, held(ab), c))).toBe(state(all))
        expect(state(await of(most, a, held(await of(most, b, c))))).toBe(state(all))
        expect(await all.union(held(all))).toBe(0)
        for (const id of all.ids()) expect(all.get(id)).toBeDefined()
      }),
      { numRuns: 15 }
    )
  })
})
