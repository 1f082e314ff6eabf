import { createServer, type Server, type Socket } from 'node:net'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { Connection } from '@libp2p/interface'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createHost, createStranger, createTestNetwork, type TestNetwork } from '@agent-mesh/testkit'
import { limits, protocols } from '@agent-mesh/wire'
import {
  connect,
  connectAll,
  signal,
  startNode,
  startNodes,
  stopNodes,
  until,
  type TestNode
} from '../discovery/node.ts'

let network: TestNetwork
const cleanUps: Array<() => Promise<unknown>> = []
beforeEach(async () => {
  network = await createTestNetwork()
})
afterEach(async () => {
  await Promise.all(cleanUps.splice(0).map(async (cleanUp) => cleanUp()))
  await stopNodes()
})

const addressOf = (node: TestNode): Multiaddr => {
  const [address] = node.host.libp2p.getMultiaddrs()
  if (address === undefined) throw new Error('the node does not listen')
  return address
}

const listenOn = (node: TestNode): string => addressOf(node).toString().split('/p2p/')[0] ?? ''

/** Counts everything that a dialler of ours could deliver to whoever took the address. */
const countArrivals = async (host: {
  libp2p: {
    addEventListener: (name: 'connection:open', listener: () => void) => void
    handle: (protocol: string, handler: () => void) => Promise<void>
  }
}): Promise<{ connections: number; streams: number }> => {
  const arrivals = { connections: 0, streams: 0 }
  host.libp2p.addEventListener('connection:open', () => arrivals.connections++)
  await host.libp2p.handle(protocols(network.networkId).tunnel, () => {
    arrivals.streams++
  })
  return arrivals
}

/** Accepts connections and says nothing. */
const startSilence = async (): Promise<Multiaddr> => {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanUps.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return multiaddr(`/ip4/127.0.0.1/tcp/${address.port}`)
}

describe('a dial by peer id', () => {
  it('reuses the connection that is open, and never opens two for callers at the same time', async () => {
    const [alice, bob] = await Promise.all(['alice', 'bob'].map(async (name) => startNode(network, name)))
    if (alice === undefined || bob === undefined) throw new Error('not started')
    const addresses = [addressOf(bob)]
    const connections = await Promise.all(
      [1, 2, 3].map(async () => alice.dialler.connect(bob.member.peerId, { signal: signal(), addresses }))
    )
    const again = await alice.dialler.connect(bob.member.peerId, { signal: signal() })
    expect(new Set([...connections, again].map((connection) => connection.id)).size).toBe(1)
    expect(alice.host.libp2p.services.admission.isAdmitted(again)).toBe(true)
  })

  it('takes the first address that answers, without waiting for one that is silent', async () => {
    const [alice, bob] = [await startNode(network, 'alice'), await startNode(network, 'bob')]
    const startedMs = performance.now()
    const addresses = [await startSilence(), multiaddr('/ip4/127.0.0.1/tcp/1'), addressOf(bob)]
    const connection = await alice.dialler.connect(bob.member.peerId, { signal: signal(), addresses })
    expect(connection.remotePeer.equals(bob.member.peerId)).toBe(true)
    expect(performance.now() - startedMs).toBeLessThan(900)
  })

  it('finds the addresses in the record that its holders have', async () => {
    const [holder, alice, bob] = await startNodes(network, 3)
    await bob.discovery.publish(bob.plain())
    await alice.host.libp2p.hangUp(bob.member.peerId)
    await alice.host.libp2p.services.raw.peerStore.delete(bob.member.peerId)
    const connection = await alice.dialler.connect(bob.member.peerId, { signal: signal() })
    expect(connection.remotePeer.equals(bob.member.peerId)).toBe(true)
    expect(holder.dht.routingTable.size).toBeGreaterThan(0)
  })

  it('tells apart who is unknown, unreachable, silent, ourselves, and a caller that gives up', async () => {
    const alice = await startNode(network, 'alice', { helloTimeoutMs: 300 })
    const bob = await network.member('bob')
    const stranger = await createStranger({ network })
    cleanUps.push(stranger.stop)
    const cases: Array<[Parameters<typeof alice.dialler.connect>, string]> = [
      [[bob.peerId, { signal: signal() }], 'PEER_UNKNOWN'],
      [[bob.peerId, { signal: signal(), addresses: [multiaddr('/ip4/127.0.0.1/tcp/1')] }], 'UNREACHABLE'],
      [[bob.peerId, { signal: signal(), addresses: [await startSilence()] }], 'UNREACHABLE'],
      [[bob.peerId, { signal: signal(200), addresses: [await startSilence()] }], 'TIMEOUT'],
      [[alice.member.peerId, { signal: signal() }], 'TARGET_INVALID'],
      [[stranger.libp2p.peerId, { signal: signal(), addresses: stranger.libp2p.getMultiaddrs() }], 'NOT_A_MEMBER']
    ]
    for (const [args, code] of cases) await expect(alice.dialler.connect(...args)).rejects.toMatchObject({ code })
    const giving = new AbortController()
    const given = alice.dialler.connect(bob.peerId, { signal: giving.signal, addresses: [await startSilence()] })
    giving.abort()
    await expect(given).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  it('waits out a refusal instead of dialling again', async () => {
    const alice = await startNode(network, 'alice', { helloTimeoutMs: 300 })
    const foreign = await createTestNetwork()
    const lookalike = await createHost({
      network: { ...foreign, networkId: network.networkId },
      member: await foreign.member('mallory')
    })
    cleanUps.push(lookalike.stop)
    const options = { signal: signal(), addresses: lookalike.libp2p.getMultiaddrs() }
    const refusal = await alice.dialler.connect(lookalike.libp2p.peerId, options).catch((err: unknown) => err)
    expect(refusal).toMatchObject({ code: expect.stringMatching(/NETWORK_FOREIGN|NOT_A_MEMBER|CERTIFICATE_INVALID/) })
    await expect(alice.dialler.connect(lookalike.libp2p.peerId, options)).rejects.toMatchObject({
      code: 'REFUSED_EARLIER'
    })
  })
})

const moveIn = async (kind: string, listen: string[]): Promise<{ connections: number; streams: number }> => {
  if (kind === 'a stranger') {
    const host = await createStranger({ network, listen })
    cleanUps.push(host.stop)
    return countArrivals(host)
  }
  const of = kind === 'another member' ? network : await createTestNetwork()
  const host = await createHost({ network: of, member: await of.member('taker'), listen })
  cleanUps.push(host.stop)
  return countArrivals(host)
}

describe('an address that a record names', () => {
  it.each(['another member', 'a member of another network', 'a stranger'])(
    'and that %s holds by now gets no byte, and is told as stale',
    async (kind) => {
      const [holder, bob, alice] = await startNodes(network, 3)
      await alice.discovery.publish(alice.plain())
      const listen = [listenOn(alice)]
      await alice.stop()
      const arrivals = await moveIn(kind, listen)
      await until(() => !bob.host.libp2p.services.admission.has(alice.member.peerId))
      const startedMs = performance.now()
      await expect(bob.dialler.connect(alice.member.peerId, { signal: signal() })).rejects.toMatchObject({
        code: 'STALE_ROUTE'
      })
      expect(performance.now() - startedMs).toBeLessThan(limits.dialTimeoutMs / 2)
      expect(arrivals).toEqual({ connections: 0, streams: 0 })
      expect(bob.host.libp2p.getConnections(alice.member.peerId)).toEqual([])
      expect(holder.dht.routingTable.size).toBeGreaterThan(0)
    }
  )

  it('and that its author left for another is resolved again', async () => {
    const [holder, bob, alice] = await startNodes(network, 3)
    await alice.discovery.publish(alice.plain())
    const listen = [listenOn(alice)]
    await alice.stop()
    const arrivals = await moveIn('a stranger', listen)
    const moved = await startNode(network, alice.member)
    await connect(moved, holder)
    await moved.discovery.publish(moved.plain())
    bob.book.forget(alice.member.peerId)
    await bob.host.libp2p.hangUp(alice.member.peerId)
    await bob.host.libp2p.services.raw.peerStore.patch(alice.member.peerId, {
      multiaddrs: [multiaddr(listen[0] ?? '')]
    })
    const connection = await bob.dialler.connect(alice.member.peerId, { signal: signal() })
    expect(connection.remotePeer.equals(alice.member.peerId)).toBe(true)
    expect(arrivals).toEqual({ connections: 0, streams: 0 })
  })
})

it('is not searched for by who asks where it was, unless somebody else wants that', async () => {
  const [, bob, alice] = await startNodes(network, 3)
  await alice.discovery.publish(alice.plain())
  const { peerId } = alice.member
  await bob.host.libp2p.hangUp(peerId)
  await until(() => !bob.host.libp2p.services.admission.has(peerId))
  bob.book.forget(peerId)
  await bob.host.libp2p.services.raw.peerStore.patch(peerId, { multiaddrs: [multiaddr('/ip4/127.0.0.1/tcp/1')] })
  const searched = vi.spyOn(bob.dht, 'get')
  const ask = async (): Promise<Connection> => bob.dialler.connect(peerId, { signal: signal(), isSought: false })
  await expect(ask()).rejects.toMatchObject({ code: 'UNREACHABLE' })
  expect(searched).not.toHaveBeenCalled()

  const [asked, found] = await Promise.all([ask(), bob.dialler.connect(peerId, { signal: signal() })])
  expect(asked.id).toBe(found.id)
  expect(searched).toHaveBeenCalledTimes(1)
})

it('a mesh of two needs no record to dial a neighbour', async () => {
  const nodes = [await startNode(network, 'alice'), await startNode(network, 'bob')] as const
  await connectAll([...nodes])
  const connection = await nodes[0].dialler.connect(nodes[1].member.peerId, { signal: signal() })
  expect(connection.status).toBe('open')
})
