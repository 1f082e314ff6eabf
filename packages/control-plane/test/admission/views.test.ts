import {
  TypedEventEmitter,
  peerDiscoverySymbol,
  type Libp2pEvents,
  type PeerDiscoveryEvents,
  type PeerInfo
} from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core/memory'
import { Key } from 'interface-datastore'
import { describe, expect, it, vi } from 'vitest'
import { createHost, createStranger, createTestNetwork, VirtualClock } from '@agent-mesh/testkit'
import { limits, protocols } from '@agent-mesh/wire'
import { boundDiscovery, NamedPeers } from '../../src/admission/named-peers.ts'
import { overlay } from '../../src/admission/overlay.ts'
import { livingProviders } from '../../src/admission/providers-view.ts'
import {
  admission,
  gossipProtocol,
  memberGossip,
  memberOnly,
  memberServices,
  type AdmissionService
} from '../../src/index.ts'
import { bareStranger, fullMember, link, partly, topic, track } from './fixture.ts'
import type { Logger, Peer, PeerId, PeerStore } from '@libp2p/interface'
import type { ConnectionManager, Registrar } from '@libp2p/interface-internal'

const newPeer = async (): Promise<PeerId> => (await (await createTestNetwork()).member('any')).peerId

describe('an overlay', () => {
  class Counter {
    #count = 0
    readonly log = Object.assign(() => 'logged', { error: () => 'error' })

    add(): number {
      return (this.#count += 1)
    }

    twice(): number {
      return this.add() + this.add()
    }
  }

  it('answers for its own names and leaves the rest to the object', () => {
    const counter = new Counter()
    const seen = overlay(counter, { add: () => 100 })
    expect(seen.add()).toBe(100)
    expect(seen.twice()).toBe(3)
    expect(seen.log.error()).toBe('error')
    expect(counter.add()).toBe(3)
  })
})

describe('a service behind the views', () => {
  it('is built before admission is, and cannot replace a part of the host', async () => {
    const network = await createTestNetwork()
    const { networkId, networkKey } = network
    const { chain, privateKey } = await network.member('alice')
    const host = track(
      await createStranger({
        network,
        privateKey,
        services: {
          early: memberOnly((components: { registrar: Registrar; connectionManager: ConnectionManager }) => {
            expect(() => Object.assign(components, { registrar: 'mine' })).toThrow(TypeError)
            expect(components.registrar).toBe(components.registrar)
            return { connections: components.connectionManager }
          }, 'all'),
          admission: admission({ networkId, networkKey, chain: () => chain, agent: 'late' })
        }
      })
    )
    const bob = track(await createHost({ network, member: await network.member('bob') }))
    const stranger = await bareStranger(network)
    const waiting = await stranger.libp2p.dial(host.libp2p.getMultiaddrs())
    await link(bob, host)
    await vi.waitFor(() => expect(host.libp2p.getConnections()).toHaveLength(2))
    await vi.waitFor(() => expect(host.libp2p.services.admission.has(bob.libp2p.peerId)).toBe(true))
    const { connections } = host.libp2p.services.early
    expect(connections.getConnections().map(({ remotePeer }) => remotePeer)).toEqual([bob.libp2p.peerId])
    expect(connections.getConnections(stranger.libp2p.peerId)).toEqual([])
    expect(() => connections.getConnectionsMap()).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
    const opening = connections.openStream(stranger.libp2p.peerId, '/any/1.0.0', { signal: AbortSignal.timeout(300) })
    await expect(opening).rejects.toThrow()
    expect(waiting.streams.filter(({ direction }) => direction === 'inbound')).toEqual([])
  })
})

describe('the peer store as services see it', () => {
  it('finds members and not strangers, and keeps nobody alive', async () => {
    const network = await createTestNetwork()
    let store: PeerStore | undefined
    const host = track(
      await createHost({
        network,
        member: await network.member('alice'),
        services: {
          spy: memberOnly((components: { peerStore: PeerStore }) => {
            store = components.peerStore
            return {}
          }, 'all')
        }
      })
    )
    const bob = track(await createHost({ network, member: await network.member('bob') }))
    await link(host, bob)
    const stranger = await newPeer()
    const multiaddrs = [multiaddr('/ip4/127.0.0.1/tcp/1')]
    await host.libp2p.peerStore.merge(stranger, { multiaddrs })
    if (store === undefined) throw new Error('the service was built')
    expect((await store.get(bob.libp2p.peerId)).id.equals(bob.libp2p.peerId)).toBe(true)
    expect((await store.getInfo(host.libp2p.peerId)).id.equals(host.libp2p.peerId)).toBe(true)
    await expect(store.get(stranger)).rejects.toMatchObject({ name: 'NotFoundError' })
    await expect(store.getInfo(stranger)).rejects.toMatchObject({ name: 'NotFoundError' })
    expect(await store.has(stranger)).toBe(false)
    expect(await host.libp2p.peerStore.has(stranger)).toBe(true)
    const tags = { 'keep-alive-kad-dht': { value: 1 }, 'kad-close': { value: 50 } }
    for (const change of ['merge', 'patch', 'save'] as const) {
      await store[change](bob.libp2p.peerId, { tags })
      expect([...(await host.libp2p.peerStore.get(bob.libp2p.peerId)).tags.keys()]).toEqual(['kad-close'])
    }
  })
})

describe('the providers that a DHT hands out', () => {
  const validityMs = 1_000

  const setUp = async () => {
    const clock = new VirtualClock()
    const datastore = new MemoryDatastore()
    const known = new Set<string>()
    const addressed = new Set<string>()
    const peerStore = partly<PeerStore>({
      get: async (peer) => {
        if (!addressed.has(peer.toString())) throw Object.assign(new Error('none'), { name: 'NotFoundError' })
        const addresses = addressed.has(`${peer.toString()} empty`)
          ? []
          : [{ multiaddr: multiaddr('/ip4/1.2.3.4/tcp/1'), isCertified: true }]
        return partly<Peer>({ id: peer, addresses })
      }
    })
    const view = livingProviders({
      datastore,
      peerStore: () => peerStore,
      admission: () => partly<AdmissionService>({ knows: (peer) => known.has(peer.toString()) }),
      validityMs,
      now: clock.now
    })
    const provide = async (peer: PeerId): Promise<void> => {
      // an unsigned varint, as the DHT writes the time
      const time: number[] = []
      for (let rest = clock.now(); rest > 0; rest = Math.floor(rest / 128))
        time.push((rest % 128) + (rest >= 128 ? 128 : 0))
      await datastore.put(new Key(`/dht/provider/abc/${peer.toString()}`), Uint8Array.from(time))
    }
    const providers = async (prefix = '/dht/provider/abc'): Promise<string[]> => {
      const names: string[] = []
      for await (const { key } of view.query({ prefix })) names.push(key.name())
      return names
    }
    return { clock, known, addressed, provide, providers, datastore, view }
  }

  it('are those that are known, have an address and are not too old', async () => {
    const { clock, known, addressed, provide, providers } = await setUp()
    const [living, unknown, forgotten, addressless] = await Promise.all([newPeer(), newPeer(), newPeer(), newPeer()])
    for (const peer of [living, unknown, forgotten, addressless]) await provide(peer)
    for (const peer of [living, forgotten, addressless]) known.add(peer.toString())
    for (const peer of [living, unknown, addressless]) addressed.add(peer.toString())
    addressed.add(`${addressless.toString()} empty`)
    expect(await providers()).toEqual([living.toString()])
    clock.advance(validityMs)
    expect(await providers()).toEqual([living.toString()])
    clock.advance(1)
    expect(await providers()).toEqual([])
    await provide(living)
    expect(await providers()).toEqual([living.toString()])
    known.delete(living.toString())
    expect(await providers()).toEqual([])
  })

  it('are all seen by the sweep of the DHT itself, and other keys are left alone', async () => {
    const { provide, providers, datastore, view } = await setUp()
    const peers = [await newPeer(), await newPeer()]
    for (const peer of peers) await provide(peer)
    await datastore.put(new Key('/dht/provider/abc/not-a-peer'), Uint8Array.of(1))
    expect(await providers('/dht/provider')).toHaveLength(3)
    expect(await providers()).toEqual([])
    await view.put(new Key('/dht/record/x'), Uint8Array.of(1))
    expect(await datastore.get(new Key('/dht/record/x'))).toEqual(Uint8Array.of(1))
    expect(await providers('/dht/record')).toEqual(['x'])
  })
})

const namedPeers = (most: number) => {
  const events = new TypedEventEmitter<Libp2pEvents>()
  const stored = new Map<string, PeerId>()
  const known = new Set<string>()
  const admitted = new Set<string>()
  const peerStore = partly<PeerStore>({
    all: async () => [...stored.values()].map((id) => partly<Peer>({ id })),
    delete: async (peer) => {
      stored.delete(peer.toString())
    }
  })
  const named = new NamedPeers({
    peerStore,
    events,
    log: partly<Logger>({}),
    knows: (peer) => known.has(peer.toString()),
    isAdmitted: (peer) => admitted.has(peer.toString()),
    most
  })
  const store = (id: PeerId): void => {
    stored.set(id.toString(), id)
    events.dispatchEvent(new CustomEvent('peer:update', { detail: { peer: partly<Peer>({ id }) } }))
  }
  return { named, store, stored, known, admitted }
}

const addresses = (count: number, from = 1): PeerInfo['multiaddrs'] =>
  Array.from({ length: count }, (_, index) => multiaddr(`/ip4/127.0.0.1/tcp/${from + index}`))

describe('peers that were only named', () => {
  it('are bounded: the oldest is forgotten at one past, members never', async () => {
    const { named, store, stored, known } = namedPeers(3)
    const early = await newPeer()
    stored.set(early.toString(), early)
    await named.start()
    const [member, ...others] = await Promise.all([1, 2, 3, 4].map(newPeer))
    if (member === undefined) throw new Error('four peers')
    store(member)
    named.forget(member)
    known.add(member.toString())
    for (const peer of others.slice(0, 2)) store(peer)
    expect(named.size).toBe(3)
    expect(stored.has(early.toString())).toBe(true)
    for (const peer of others.slice(2)) store(peer)
    await vi.waitFor(() => expect(stored.has(early.toString())).toBe(false))
    expect([...stored.keys()].toSorted()).toEqual([member, ...others].map(String).toSorted())
    named.stop()
    store(early)
    expect(named.size).toBe(0)
  })

  it('bring no more addresses than a record has, each twice a minute at most, and none when they are here', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    const { named, admitted } = namedPeers(3)
    const peer = await newPeer()
    const source = new TypedEventEmitter<PeerDiscoveryEvents>()
    const service = Object.create({ [peerDiscoverySymbol]: source })
    boundDiscovery(service, () => named)
    const told: number[] = []
    service[peerDiscoverySymbol].addEventListener('peer', ({ detail }: CustomEvent<PeerInfo>) =>
      told.push(detail.multiaddrs.length)
    )
    const name = (multiaddrs: PeerInfo['multiaddrs']): void => {
      source.dispatchEvent(new CustomEvent('peer', { detail: { id: peer, multiaddrs } }))
    }
    name(addresses(limits.addressesPerRecord - 1))
    name(addresses(4, 100))
    name(addresses(1_000, 1_000))
    // stored just now
    name(addresses(2))
    vi.advanceTimersByTime(30_000)
    name(addresses(2))
    admitted.add(peer.toString())
    name(addresses(2, 500))
    expect(told).toEqual([limits.addressesPerRecord - 1, 1, 2])
  })
})

describe('protocol ids', () => {
  it('all carry the network, those of identify, ping and gossip too', async () => {
    const network = await createTestNetwork()
    const a = await fullMember({ network, member: await network.member('alice') })
    for (const id of a.libp2p.getProtocols()) expect(id).toContain(network.networkId)
    expect(a.libp2p.getProtocols()).toEqual(expect.arrayContaining([gossipProtocol(network.networkId)]))
    expect(Object.keys(memberServices(network.networkId))).toEqual(['identify', 'identifyPush', 'ping'])
    expect(a.libp2p.getProtocols()).toContain(`/${protocols(network.networkId).prefix}/id/1.0.0`)
  })

  it('let gossip of one network talk, and topics that nobody named are not kept', async () => {
    const network = await createTestNetwork()
    const a = await fullMember({ network, member: await network.member('alice') })
    const rogue = track(
      await createHost({
        network,
        member: await network.member('rogue'),
        services: {
          pubsub: memberGossip({ networkId: network.networkId, topics: [], options: { allowedTopics: ['x', topic] } })
        }
      })
    )
    rogue.libp2p.services.pubsub.subscribe('x')
    rogue.libp2p.services.pubsub.subscribe(topic)
    await link(rogue, a)
    await vi.waitFor(() => expect(a.libp2p.services.pubsub.getSubscribers(topic)).toHaveLength(1))
    expect(a.libp2p.services.pubsub.getSubscribers('x')).toEqual([])
    const { protocol } = await vi.waitFor(() => {
      const [connection] = a.libp2p.getConnections(rogue.libp2p.peerId)
      const stream = connection?.streams.find(({ protocol: id }) => id.includes('meshsub'))
      if (stream === undefined) throw new Error('no gossip stream')
      return stream
    })
    expect(protocol).toBe(gossipProtocol(network.networkId))
  })

  it('leave gossip what it can do: members say that they do not want what they have', async () => {
    const network = await createTestNetwork()
    const names = ['alice', 'bob', 'carol']
    const members = await Promise.all(
      names.map(async (name) => fullMember({ network, member: await network.member(name) }))
    )
    const [a, b, c] = members
    if (a === undefined || b === undefined || c === undefined) throw new Error('three members')
    const gossips = members.map(({ libp2p }) => libp2p.services.pubsub)
    for (const gossip of gossips) gossip.subscribe(topic)
    await Promise.all([link(a, b), link(b, c), link(a, c)])
    await vi.waitFor(() => {
      for (const gossip of gossips) expect(gossip.getSubscribers(topic)).toHaveLength(2)
    }, 10_000)
    await vi.waitFor(
      async () => {
        await a.libp2p.services.pubsub.publish(topic, new Uint8Array(2048))
        // gossipsub keeps them by peer, for nobody outside
        for (const gossip of gossips.slice(1)) expect(Reflect.get(gossip, 'idontwants')).toHaveProperty('size', 1)
      },
      { timeout: 10_000, interval: 200 }
    )
  })
})
