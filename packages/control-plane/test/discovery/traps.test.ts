import { Record as StoredRecord } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { NotFoundError, type PeerId } from '@libp2p/interface'
import { Key } from 'interface-datastore'
import { toString } from 'uint8arrays/to-string'
import { equals } from 'uint8arrays/equals'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createHost, createTestNetwork, type TestNetwork } from '@agent-mesh/testkit'
import { limits, protocols } from '@agent-mesh/wire'
import { agentDht, peerStoreDefaults, pingDefaults } from '../../src/discovery/dht.ts'
import { capabilityCid } from '../../src/discovery/provider-keys.ts'
import { createRecordBook } from '../../src/discovery/record-book.ts'
import { recordKeyBytes } from '../../src/discovery/record.ts'
import { memberOnly } from '../../src/admission/member-only.ts'
import { recordOf } from './fixture.ts'
import { collect } from './collect.ts'
import {
  connect,
  connectAll,
  countRefusals,
  signal,
  startNode,
  startNodes,
  stopNodes,
  storedValue,
  until,
  type TestNode
} from './node.ts'

let network: TestNetwork
beforeEach(async () => {
  network = await createTestNetwork()
})
afterEach(stopNodes)

const put = async (by: TestNode, author: TestNode, bytes: Uint8Array): Promise<number> =>
  countRefusals(by.dht.put(recordKeyBytes(network.networkId, author.member.peerId), bytes, { signal: signal() }))

const recordEntry = (author: TestNode): Key =>
  new Key(`/dht/record/${toString(recordKeyBytes(network.networkId, author.member.peerId), 'base32')}`, false)

const providerEntry = (path: string, provider: TestNode): Key =>
  new Key(
    `/dht/provider/${toString(capabilityCid(network.networkId, path).multihash.bytes, 'base32')}/${provider.member.peerId.toString()}`
  )

/** An entry that is only deleted comes back with the next answer that names the peer. */
const forgetForGood = ({ host }: TestNode, peer: PeerId): void => {
  const { peerStore } = host.libp2p.services.raw
  const get = peerStore.get.bind(peerStore)
  peerStore.get = async (id, options) => {
    if (id.equals(peer)) throw new NotFoundError('forgotten')
    return get(id, options)
  }
}

describe('what a holder takes', () => {
  it('is not an older record, though its author signed it', async () => {
    const [alice, holder, replayer] = await startNodes(network, 3)
    const older = await recordOf(network, alice.member, { sequence: 1, issuedMs: Date.now() - 1_000 })
    const newer = await recordOf(network, alice.member, { sequence: 2, issuedMs: Date.now() })
    expect(await put(alice, alice, newer)).toBe(0)
    expect(await put(replayer, alice, older)).toBeGreaterThan(0)
    const stored = await storedValue(holder, recordEntry(alice))
    expect(stored !== undefined && equals(stored, newer)).toBe(true)
  })

  it('is not the older record at its author either', async () => {
    const [alice, , replayer] = await startNodes(network, 3)
    await alice.discovery.publish(alice.plain())
    const published = await storedValue(alice, recordEntry(alice))
    await put(replayer, alice, await recordOf(network, alice.member, { sequence: 1, issuedMs: Date.now() }))
    expect(await storedValue(alice, recordEntry(alice))).toEqual(published)
  })

  it('is no record above the size limit, under another key, or of another kind', async () => {
    const [alice, holder, mallory] = await startNodes(network, 3)
    expect(await put(mallory, alice, new Uint8Array(limits.recordBytes + 1))).toBe(2)
    expect(await put(mallory, alice, await recordOf(network, mallory.member, { issuedMs: Date.now() }))).toBe(2)
    const foreign = new TextEncoder().encode('/pk/whatever')
    expect(await countRefusals(mallory.dht.put(foreign, Uint8Array.of(1), { signal: signal() }))).toBe(2)
    expect(await storedValue(holder, recordEntry(alice))).toBeUndefined()
  })
})

describe('a lookup', () => {
  it('finds the newest record though one holder is stale', async () => {
    const nodes = await startNodes(network, 5)
    const [alice, stale, , , reader] = nodes
    const older = await recordOf(network, alice.member, { sequence: 1, issuedMs: Date.now() - 1_000 })
    await put(alice, alice, await recordOf(network, alice.member, { sequence: 2, issuedMs: Date.now() }))
    const entry = new StoredRecord(recordKeyBytes(network.networkId, alice.member.peerId), older, new Date())
    for (const node of [stale, reader])
      await node.host.libp2p.services.raw.datastore.put(recordEntry(alice), entry.serialize())
    reader.discovery.forget(alice.member.peerId)
    expect((await reader.discovery.record(alice.member.peerId, { signal: signal() }))?.sequence).toBe(2)
  })

  it('names the living providers where every holder has forgotten the address of one', async () => {
    const [holder, ...providers] = await startNodes(network, 4)
    for (const node of providers) await node.discovery.publish({ ...node.plain(), capabilities: ['math'] })
    const [gone, ...living] = providers
    if (gone === undefined) throw new Error('no provider')
    await gone.stop()
    for (const node of [holder, ...living]) forgetForGood(node, gone.member.peerId)
    const reader = await startNode(network, 'reader') // who holds nothing itself
    await connectAll([holder, reader], 1)
    const found = await collect(reader.discovery.find('math', { signal: signal() }))
    const names = found.map((record) => record.membership.name)
    expect(names).toEqual(expect.arrayContaining(living.map((node) => node.member.name)))
  })

  it('gets no value and no provider that is past its time', async () => {
    const [alice, holder, reader] = await startNodes(network, 3)
    await alice.discovery.publish({ ...alice.plain(), capabilities: ['math'] })
    const published = await storedValue(holder, recordEntry(alice))
    if (published === undefined) throw new Error('not stored')
    await alice.stop()
    const late = new Date(Date.now() - limits.recordTtlMs - 1)
    const entry = new StoredRecord(recordKeyBytes(network.networkId, alice.member.peerId), published, late).serialize()
    for (const node of [holder, reader]) {
      await node.host.libp2p.services.raw.datastore.put(recordEntry(alice), entry)
      await node.host.libp2p.services.raw.datastore.put(providerEntry('math', alice), Uint8Array.of(1))
      node.discovery.forget(alice.member.peerId)
    }
    expect(await reader.discovery.record(alice.member.peerId, { signal: signal() })).toBeUndefined()
    const events = await collect(
      reader.dht.findProviders(capabilityCid(network.networkId, 'math'), { signal: signal() })
    )
    expect(events.flatMap((event) => (event.name === 'PROVIDER' ? event.providers : []))).toEqual([])
    expect(await storedValue(holder, recordEntry(alice))).toBeUndefined()
  })
})

describe('publishing', () => {
  it('fails loudly where every holder refuses', async () => {
    const other = await createTestNetwork()
    const refusing = {
      dht: (networkId: string) =>
        agentDht({ networkId, book: createRecordBook({ networkId, networkKey: other.networkKey }) })
    }
    const alice = await startNode(network, 'alice')
    const nodes = [alice, await startNode(network, 'bob', refusing), await startNode(network, 'carol', refusing)]
    await connectAll(nodes)
    await expect(alice.discovery.publish(alice.plain())).rejects.toMatchObject({
      code: 'NOT_PUBLISHED',
      details: { refusedBy: 2 }
    })
  })

  it('alone ends at once, and is made good when the first member comes', async () => {
    const published = vi.fn<() => void>()
    const failed = vi.fn<() => void>()
    const alice = await startNode(network, 'alice', { onPublished: published, onPublishFailed: failed })
    const startedMs = performance.now()
    await expect(alice.discovery.publish({ ...alice.plain(), capabilities: ['math'] })).rejects.toMatchObject({
      code: 'NOT_PUBLISHED'
    })
    expect(await collect(alice.discovery.find('chess', { signal: signal() }))).toEqual([])
    expect(
      (await collect(alice.discovery.find('math', { signal: signal() }))).map((record) => record.membership.name)
    ).toEqual(['alice'])
    expect(await alice.discovery.record((await network.member('x')).peerId, { signal: signal() })).toBeUndefined()
    expect(performance.now() - startedMs).toBeLessThan(500)
    expect(failed).toHaveBeenCalledOnce()
    const bob = await startNode(network, 'bob')
    await connect(bob, alice)
    await vi.waitFor(() => expect(published).toHaveBeenCalledOnce(), 10_000)
    expect(
      (await collect(bob.discovery.find('math', { signal: signal() }))).map((record) => record.membership.name)
    ).toEqual(['alice'])
  })
})

describe('the host of a DHT', () => {
  it('has members on private addresses in its table', async () => {
    const [alice, bob] = await startNodes(network, 2)
    expect([alice.dht.routingTable.size, bob.dht.routingTable.size]).toEqual([1, 1])
  })

  it('has nobody in its table who has left', async () => {
    const [alice, bob, carol] = await startNodes(network, 3)
    await carol.stop()
    await until(() => alice.dht.routingTable.size === 1 && bob.dht.routingTable.size === 1)
  })

  it('keeps the addresses of a peer for a day', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      const peer = (await network.member('peer')).peerId
      const hosts = await Promise.all(
        [peerStoreDefaults, {}].map(async (peerStore, index) =>
          createHost({ network, member: await network.member(`m${index}`), libp2p: { peerStore } })
        )
      )
      for (const { libp2p } of hosts) await libp2p.peerStore.merge(peer, { multiaddrs: libp2p.getMultiaddrs() })
      vi.setSystemTime(Date.now() + 23 * 3_600_000)
      const kept = await Promise.all(
        hosts.map(async ({ libp2p }) =>
          libp2p.peerStore.get(peer).then(
            (known) => known.addresses.length,
            () => 0
          )
        )
      )
      expect(kept).toEqual([1, 0])
      await Promise.all(hosts.map(async (host) => host.stop()))
    } finally {
      vi.useRealTimers()
    }
  })

  it('keeps a connection on which the DHT and the connection monitor ping at the same time', async () => {
    const { networkId } = network
    const protocolPrefix = protocols(networkId).prefix
    const hosts = await Promise.all(
      ['alice', 'bob'].map(async (name) =>
        createHost({
          network,
          member: await network.member(name),
          libp2p: { connectionMonitor: { protocolPrefix, pingInterval: 20 } },
          services: { ping: memberOnly(ping({ protocolPrefix, ...pingDefaults }), 'registrar') }
        })
      )
    )
    const [alice, bob] = hosts
    if (alice === undefined || bob === undefined) throw new Error('not started')
    const connection = await alice.libp2p.dial(bob.libp2p.getMultiaddrs())
    await alice.libp2p.services.admission.wait(bob.libp2p.peerId)
    for (let round = 0; round < 30; round++) {
      await Promise.all([1, 2, 3].map(async () => alice.libp2p.services.ping.ping(bob.libp2p.peerId)))
    }
    expect(connection.status).toBe('open')
    await Promise.all(hosts.map(async (host) => host.stop()))
  })

  it('does not freeze while its table is empty', async () => {
    await startNode(network, 'alice')
    const lags: number[] = []
    for (let i = 0; i < 10; i++) {
      const at = performance.now()
      await new Promise((resolve) => setTimeout(resolve, 50))
      lags.push(performance.now() - at)
    }
    expect(Math.max(...lags)).toBeLessThan(1_000)
  })
})
