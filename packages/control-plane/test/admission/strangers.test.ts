import { describe, expect, it, vi } from 'vitest'
import { createTestNetwork, type TestNetwork } from '@agent-mesh/testkit'
import { limits, protocols } from '@agent-mesh/wire'
import {
  fullMember,
  inTable,
  isLinked,
  link,
  sayHelloWith,
  silentStranger,
  subscribersOf,
  tableOf,
  topic,
  type FullMember,
  type Stranger
} from './fixture.ts'
import type { Connection, PeerId } from '@libp2p/interface'
import type { QueryEvent } from '@libp2p/kad-dht'

/** What a stranger got to read on a stream of each protocol, until its connection was closed. */
const knock = async (connection: Connection, ids: string[]): Promise<Map<string, number>> => {
  const got = new Map<string, number>()
  await Promise.allSettled(
    ids.map(async (id) => {
      const stream = await connection.newStream(id)
      got.set(id, 0)
      stream.addEventListener('message', ({ data }) => got.set(id, (got.get(id) ?? 0) + data.byteLength))
      stream.send(new Uint8Array(32).fill(1))
    })
  )
  return got
}

const isClosed = async (connection: Connection, timeoutMs: number): Promise<void> =>
  vi.waitFor(() => expect(connection.status).not.toBe('open'), { timeout: timeoutMs, interval: 20 })

/** Every kind of stranger that does say hello. */
const impostors = async (network: TestNetwork): Promise<Array<{ kind: string; stranger: Stranger }>> => {
  const other = await createTestNetwork()
  const [foreign, expired, early, victim, tampered] = await Promise.all([
    other.member('mallory'),
    network.member('mallory', { notBeforeMs: 0, notAfterMs: Date.now() - limits.clockToleranceMs - 1_000 }),
    network.member('mallory', { notBeforeMs: Date.now() + limits.clockToleranceMs + 5_000 }),
    network.member('victim'),
    network.member('mallory')
  ])
  const delegate = await network.member('delegate')
  const unentitled = await network.member('mallory', { issuer: delegate })
  const [leaf = new Uint8Array()] = tampered.chain
  const bent = leaf.slice()
  bent[bent.length - 1] = (bent.at(-1) ?? 0) ^ 1
  const say = async (kind: string, chain: Uint8Array[], privateKey?: typeof foreign.privateKey) => {
    const stranger = await silentStranger(network, privateKey === undefined ? {} : { privateKey })
    await sayHelloWith(stranger, network, chain)
    return { kind, stranger }
  }
  return Promise.all([
    say('no certificate', []),
    say('another network', foreign.chain, foreign.privateKey),
    say('expired', expired.chain, expired.privateKey),
    say('not yet valid', early.chain, early.privateKey),
    say('someone else', victim.chain),
    say('tampered', [bent], tampered.privateKey),
    say('issued by a member that may not', unentitled.chain, unentitled.privateKey)
  ])
}

const collect = async (events: AsyncIterable<QueryEvent>): Promise<QueryEvent[]> => {
  const all: QueryEvent[] = []
  try {
    for await (const event of events) all.push(event)
  } catch {
    // a query that finds nobody ends in an error
  }
  return all
}

const answersOf = (events: QueryEvent[]): string[] =>
  events.flatMap((event) => (event.name === 'PEER_RESPONSE' ? [event.from.toString()] : []))

const namesOf = (events: QueryEvent[], from: PeerId): string[] =>
  events.flatMap((event) =>
    event.name === 'PEER_RESPONSE' && event.from.equals(from) ? event.closer.map(({ id }) => id.toString()) : []
  )

const expectUnknown = async (member: FullMember, stranger: PeerId): Promise<void> => {
  const { admission, pubsub } = member.libp2p.services
  expect(admission.has(stranger)).toBe(false)
  expect(admission.knows(stranger)).toBe(false)
  expect(await inTable(member, stranger)).toBe(false)
  expect(pubsub.getPeers().map(String)).not.toContain(stranger.toString())
  expect(subscribersOf(member)).not.toContain(stranger.toString())
}

describe('strangers', () => {
  it('reach no handler and are gone in five seconds when they are silent', async () => {
    const network = await createTestNetwork()
    const a = await fullMember({ network, member: await network.member('alice') })
    const s = await silentStranger(network)
    const { hello, join } = protocols(network.networkId)
    const started = performance.now()
    const connection = await s.libp2p.dial(a.libp2p.getMultiaddrs())
    const ids = a.libp2p.getProtocols().filter((id) => id !== hello && id !== join)
    expect(ids.length).toBeGreaterThanOrEqual(5)
    const got = await knock(connection, ids)
    await isClosed(connection, limits.helloTimeoutMs + 2_000)
    expect(performance.now() - started).toBeLessThan(limits.helloTimeoutMs + 500)
    // A stream whose negotiation the end of the connection overtook was never there.
    expect(got.size).toBeGreaterThan(0)
    expect([...got.values()]).toEqual([...got.keys()].map(() => 0))
    await expectUnknown(a, s.libp2p.peerId)
  })

  it('are refused at once, by whatever certificate they are strangers', async () => {
    const network = await createTestNetwork()
    const a = await fullMember({ network, member: await network.member('alice') })
    const { hello } = protocols(network.networkId)
    const ids = a.libp2p.getProtocols().filter((id) => id !== hello)
    const visits = await Promise.all(
      (await impostors(network)).map(async ({ kind, stranger }) => {
        const started = performance.now()
        const connection = await stranger.libp2p.dial(a.libp2p.getMultiaddrs())
        const got = await knock(connection, ids)
        await isClosed(connection, 3_000)
        return { kind, stranger, got, tookMs: performance.now() - started }
      })
    )
    for (const { kind, stranger, got, tookMs } of visits) {
      expect.soft(tookMs, kind).toBeLessThan(2_000)
      expect
        .soft(
          [...got.values()].every((bytes) => bytes === 0),
          kind
        )
        .toBe(true)
      await expectUnknown(a, stranger.libp2p.peerId)
    }
  })
})

describe('strangers that an insider names', () => {
  it('stay out of tables, queries, gossip and the answers of members', async () => {
    const network = await createTestNetwork()
    const fast = { helloTimeoutMs: 1_000 }
    const members = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (name) =>
        fullMember({ network, member: await network.member(name), admission: fast })
      )
    )
    const [a, b, c, d] = members
    if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('four members')
    // a valid member that serves everyone: its certificate is good, its gates are open
    const insider = await network.member('insider')
    const leaky = await silentStranger(network, { privateKey: insider.privateKey })
    await sayHelloWith(leaky, network, insider.chain)
    const s = await silentStranger(network)
    const foreign = await (await createTestNetwork()).member('mallory')
    const t = await silentStranger(network, { privateKey: foreign.privateKey })
    await sayHelloWith(t, network, foreign.chain)

    for (const host of [...members, leaky, s, t]) host.libp2p.services.pubsub.subscribe(topic)
    for (const other of [b, c, d]) await link(a, other)
    await link(c, d)
    for (const host of [a, b, c, d]) await leaky.libp2p.dial(host.libp2p.getMultiaddrs())
    await s.libp2p.dial(leaky.libp2p.getMultiaddrs())
    await t.libp2p.dial(leaky.libp2p.getMultiaddrs())

    // the control: where no views are, both get in
    await vi.waitFor(async () => {
      for (const host of members) expect(await inTable(host, leaky.libp2p.peerId)).toBe(true)
      for (const stranger of [s, t]) {
        expect(await inTable(leaky, stranger.libp2p.peerId)).toBe(true)
        expect(subscribersOf(leaky)).toContain(stranger.libp2p.peerId.toString())
      }
      expect(isLinked(a, b)).toBe(true)
      expect(tableOf(d).size).toBeGreaterThanOrEqual(3)
    }, 10_000)
    expect(await s.libp2p.services.ping.ping(leaky.libp2p.peerId)).toBeGreaterThanOrEqual(0)

    const signal = AbortSignal.timeout(15_000)
    const strangers = [s.libp2p.peerId, t.libp2p.peerId]
    for (const stranger of strangers) {
      const key = stranger.toMultihash().bytes
      const events = await collect(c.libp2p.services.dht.getClosestPeers(key, { signal }))
      expect(answersOf(events)).toContain(leaky.libp2p.peerId.toString())
      expect(namesOf(events, leaky.libp2p.peerId)).toContain(stranger.toString())
      expect(answersOf(events)).not.toContain(stranger.toString())
    }
    // c was told of both and dialled both; it does not hand them on
    for (const stranger of strangers) {
      const events = await collect(d.libp2p.services.dht.getClosestPeers(stranger.toMultihash().bytes, { signal }))
      expect(answersOf(events)).toContain(c.libp2p.peerId.toString())
      for (const member of [a, b, c]) expect(namesOf(events, member.libp2p.peerId)).not.toContain(stranger.toString())
    }
    for (const member of members) for (const stranger of strangers) await expectUnknown(member, stranger)

    // what members do among themselves goes on beside them
    const key = new TextEncoder().encode('/v/key')
    const value = new TextEncoder().encode('value')
    await collect(b.libp2p.services.dht.put(key, value, { signal }))
    const values = await collect(d.libp2p.services.dht.get(key, { signal }))
    expect(values.some((event) => event.name === 'VALUE' && Buffer.from(event.value).equals(value))).toBe(true)

    const heard: string[] = []
    const overheard: string[] = []
    for (const host of members) {
      host.libp2p.services.pubsub.addEventListener('message', () => heard.push(host.libp2p.peerId.toString()))
    }
    for (const stranger of [s, t]) {
      stranger.libp2p.services.pubsub.addEventListener('message', ({ detail }) => {
        if (detail.type === 'signed' && detail.from.equals(a.libp2p.peerId)) overheard.push('a')
      })
    }
    leaky.libp2p.services.pubsub.unsubscribe(topic)
    await vi.waitFor(() => expect(subscribersOf(a)).not.toContain(leaky.libp2p.peerId.toString()))
    await a.libp2p.services.pubsub.publish(topic, value)
    const told = [b, c, d].map(({ libp2p }) => libp2p.peerId.toString())
    await vi.waitFor(() => expect(heard.toSorted()).toEqual(told.toSorted()), 5_000)
    for (const stranger of [s, t]) await stranger.libp2p.services.pubsub.publish(topic, value)
    // what a stranger may have sent would have come before this
    await a.libp2p.services.pubsub.publish(topic, new TextEncoder().encode('last'))
    await vi.waitFor(() => expect(heard.toSorted()).toEqual([...told, ...told].toSorted()), 5_000)
    expect(overheard).toEqual([])
  }, 40_000)
})
