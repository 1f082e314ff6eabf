import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { MeshError, type ErrorCode } from '@agent-mesh/wire'
import { VirtualClock } from '@agent-mesh/testkit'
import { Intake } from '../../src/replication/intake.ts'
import { growingSet, sealed, versionedDocument } from './replicas.ts'
import type { PeerId } from '@libp2p/interface'

let peer: PeerId
const { signal } = new AbortController()
beforeAll(async () => {
  peer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
})

const setUp = (): { clock: VirtualClock; intake: Intake; refusals: ErrorCode[]; changes: string[] } => {
  const clock = new VirtualClock()
  const refusals: ErrorCode[] = []
  const changes: string[] = []
  const intake = new Intake({
    now: clock.now,
    onRefused: (_, __, code) => refusals.push(code),
    onChange: (kind) => changes.push(kind)
  })
  return { clock, intake, refusals, changes }
}

describe('the intake of items', () => {
  it('takes the good ones and counts the refused ones among them', async () => {
    const { intake, refusals, changes } = setUp()
    const set = growingSet()
    const items = [sealed('a'), Buffer.from('forged'), sealed('b'), new Uint8Array(), Buffer.alloc(set.mostBytes + 1)]
    expect(await intake.take(set, items, peer, signal)).toMatchObject({ taken: 2, refused: 3, isHopeless: false })
    expect(set.size()).toBe(2)
    expect(refusals).toEqual(['REVOCATION_INVALID', 'LIMIT_EXCEEDED', 'LIMIT_EXCEEDED'])
    expect(changes).toEqual(['set', 'set'])
  })

  it('does not verify a refused item again for a minute, nor one that is held', async () => {
    const { clock, intake } = setUp()
    const set = growingSet()
    const items = [sealed('a'), Buffer.from('forged')]
    for (let round = 0; round < 5; round++) await intake.take(set, items, peer, signal)
    expect(set.looks()).toBe(2)
    clock.advance(60_001)
    await intake.take(set, items, peer, signal)
    expect(set.looks()).toBe(3)
  })

  it('gives up on a message that is rubbish', async () => {
    const { intake } = setUp()
    const set = growingSet()
    const items = Array.from({ length: 1000 }, (_, index) => Buffer.from(`forged ${index}`))
    expect(await intake.take(set, items, peer, signal)).toMatchObject({ taken: 0, isHopeless: true })
    expect(set.looks()).toBeLessThan(20)
  })

  it('does not hold against the sender what is only old, nor what this node cannot write', async () => {
    const { intake, refusals } = setUp()
    const [older, document] = [versionedDocument(), versionedDocument()]
    older.write(1)
    document.write(2)
    const items = older.ids().flatMap((id) => older.get(id) ?? [])
    expect(await intake.take(document, items, peer, signal)).toMatchObject({ taken: 0, refused: 0 })
    expect(refusals).toEqual([])
    const full = { ...growingSet(), accept: async () => Promise.reject(new MeshError('STATE_UNREADABLE')) }
    expect(await intake.take(full, [sealed('a')], peer, signal)).toMatchObject({ taken: 0, refused: 0 })
    expect(refusals).toEqual(['STATE_UNREADABLE'])
  })

  it('gives a replica one item at a time, though many members send at once', async () => {
    const { intake } = setUp()
    let running = 0
    let most = 0
    const set = growingSet()
    const slow = {
      ...set,
      accept: async (item: Uint8Array) => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        return set.accept(item, peer)
      }
    }
    const senders = [0, 1, 2].map((sender) => [0, 1, 2, 3].map((item) => sealed(`${sender} ${item}`)))
    await Promise.all(senders.map(async (items) => intake.take(slow, items, peer, signal)))
    expect(set.size()).toBe(12)
    expect(most).toBe(1)
  })

  it('hands over a copy, which does not change with the buffer that it came in', async () => {
    const { intake } = setUp()
    const set = growingSet()
    const item = sealed('a')
    const id = createHash('sha256').update(item).digest()
    await intake.take(set, [item], peer, signal)
    item.fill(0)
    expect(
      createHash('sha256')
        .update(set.get(id) ?? '')
        .digest()
    ).toEqual(id)
  })

  it('ends with its signal', async () => {
    const { intake } = setUp()
    const aborted = AbortSignal.abort(new MeshError('SHUTTING_DOWN'))
    const set = growingSet()
    await expect(intake.take(set, [sealed('a')], peer, aborted)).rejects.toMatchObject({ code: 'SHUTTING_DOWN' })
    expect(set.size()).toBe(0)
  })
})
