import { EventTypes, MessageType, type QueryEvent } from '@libp2p/kad-dht'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTestNetwork, type TestMember, type TestNetwork } from '@agent-mesh/testkit'
import { createLookup, type LookupInit } from '../../src/discovery/lookup.ts'
import { capabilityCid } from '../../src/discovery/provider-keys.ts'
import { createRecordBook } from '../../src/discovery/record-book.ts'
import { recordKeyBytes } from '../../src/discovery/record.ts'
import { collect } from './collect.ts'
import { recordOf } from './fixture.ts'
import type { PeerId } from '@libp2p/interface'

let network: TestNetwork
let alice: TestMember
let holders: PeerId[]
beforeAll(async () => {
  network = await createTestNetwork()
  alice = await network.member('alice')
  holders = await Promise.all(Array.from({ length: 9 }, async (_, i) => (await network.member(`h${i}`)).peerId))
})

const holder = (index: number): PeerId => {
  const peer = holders[index]
  if (peer === undefined) throw new RangeError(`no holder ${index}`)
  return peer
}

/** An answer of one holder; index -1 is what this node holds itself. */
const answer = (from: number, parts: { value?: Uint8Array; providers?: number[] }): QueryEvent => ({
  from: holder(Math.max(0, from)),
  type: EventTypes.PEER_RESPONSE,
  name: 'PEER_RESPONSE',
  messageName: 'GET_VALUE',
  messageType: MessageType.GET_VALUE,
  closer: [],
  providers: (parts.providers ?? []).map((index) => ({ id: holder(index), multiaddrs: [] })),
  ...(parts.value === undefined
    ? {}
    : { record: { key: recordKeyBytes(network.networkId, alice.peerId), value: parts.value } }),
  path: { index: from < 0 ? -1 : 0, queued: 0, running: 0, total: 0 }
})

type Script = Array<QueryEvent | 'stuck' | 'cut'>

/** A query that runs by a script, and counts how much of it was read. */
const scripted = (script: Script): { dht: LookupInit['dht']; read: () => number; queries: () => number } => {
  let read = 0
  let queries = 0
  const play = async function* (): AsyncGenerator<QueryEvent> {
    queries++
    for (const step of script) {
      read++
      if (step === 'cut') throw new Error('the stream was reset')
      if (step === 'stuck') await new Promise(() => undefined)
      else yield step
    }
  }
  const routingTable = {
    size: 1,
    add: async () => undefined,
    remove: async () => undefined,
    addEventListener: () => undefined,
    removeEventListener: () => undefined
  }
  return { dht: { get: play, findProviders: play, routingTable }, read: () => read, queries: () => queries }
}

const lookupOf = (dht: LookupInit['dht']) => {
  const { networkId, networkKey } = network
  return createLookup({ dht, networkId, book: createRecordBook({ networkId, networkKey }) })
}

const never = new AbortController().signal

const versions = async (): Promise<[Uint8Array, Uint8Array]> => [
  await recordOf(network, alice, { sequence: 1, issuedMs: Date.now() - 1_000 }),
  await recordOf(network, alice, { sequence: 2, issuedMs: Date.now() })
]

const sequenceBy = async (script: Script): Promise<number | undefined> =>
  (await lookupOf(scripted(script).dht).record(alice.peerId, never))?.sequence

const providersBy = async (script: Script): Promise<number[]> => {
  const found = await collect(lookupOf(scripted(script).dht).providers(capabilityCid(network.networkId, 'a'), never))
  return found.map((peer) => holders.findIndex((one) => one.equals(peer)))
}

describe('the lookup of a record', () => {
  it('takes the newest, whoever answers first', async () => {
    const [older, newer] = await versions()
    expect(
      await sequenceBy([answer(0, { value: older }), answer(1, { value: older }), answer(2, { value: newer })])
    ).toBe(2)
    expect(await sequenceBy([answer(2, { value: newer }), answer(0, { value: older })])).toBe(2)
  })

  it('is settled by three that agree, and does not wait for those that say nothing', async () => {
    const [, newer] = await versions()
    const query = scripted([0, 1, 2, 3, 4, 5].map((index) => answer(index, { value: newer })))
    expect((await lookupOf(query.dht).record(alice.peerId, never))?.sequence).toBe(2)
    expect(query.read()).toBeLessThan(6)
    const startedMs = performance.now()
    expect(await sequenceBy([answer(0, { value: newer }), 'stuck'])).toBe(2)
    expect(performance.now() - startedMs).toBeLessThan(2_000)
  })

  it('keeps what was found when the query fails, and takes nothing that does not verify', async () => {
    const [older] = await versions()
    expect(await sequenceBy([answer(0, { value: older }), 'cut'])).toBe(1)
    expect(await sequenceBy([answer(0, { value: Uint8Array.of(1, 2, 3) }), 'cut'])).toBeUndefined()
    const mallory = await recordOf(network, await network.member('mallory'), { issuedMs: Date.now() })
    expect(await sequenceBy([answer(0, { value: mallory })])).toBeUndefined()
  })

  it('with nobody to ask answers from what is known', async () => {
    const { dht, queries } = scripted([])
    const empty = { ...dht, routingTable: { ...dht.routingTable, size: 0 } }
    expect(await lookupOf(empty).record(alice.peerId, never)).toBeUndefined()
    expect(await collect(lookupOf(empty).providers(capabilityCid(network.networkId, 'a'), never))).toEqual([])
    expect(queries()).toBe(0)
  })
})

describe('the lookup of providers', () => {
  it('names each once, until four holders in a row bring nobody new', async () => {
    const same = [1, 2, 3, 4].map((index) => answer(index, { providers: [7] }))
    expect(await providersBy([answer(0, { providers: [7] }), ...same, answer(5, { providers: [8] })])).toEqual([7])
    expect(
      await providersBy([answer(0, { providers: [7] }), ...same.slice(1), answer(5, { providers: [8, 7] })])
    ).toEqual([7, 8])
  })

  it('does not take holders that know of nobody for an answer', async () => {
    const empty = [0, 1, 2, 3, 4].map((index) => answer(index, {}))
    expect(await providersBy([...empty, answer(5, { providers: [8] })])).toEqual([8])
  })

  it('goes on from what this node holds to what the others say', async () => {
    const script: Script = [answer(-1, { providers: [6] }), answer(1, { providers: [6, 7] })]
    expect(await providersBy(script)).toEqual([6, 7])
  })

  it('ends when the rest says nothing, or fails', async () => {
    const startedMs = performance.now()
    expect(await providersBy([answer(0, { providers: [7] }), 'stuck'])).toEqual([7])
    expect(performance.now() - startedMs).toBeLessThan(4_000)
    expect(await providersBy([answer(0, { providers: [7] }), 'cut'])).toEqual([7])
  })
})
