import { createHash, randomBytes } from 'node:crypto'
import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it, vi } from 'vitest'
import { createHost, createTestNetwork } from '@agent-mesh/testkit'
import { pathClassOf, reserve } from '../../src/index.ts'
import { hopDialogue, hopProtocol, stopDialogue, stopProtocol } from '../../src/relay/relay-message.ts'
import { silentStranger, track } from '../admission/fixture.ts'
import { holdPlace, linkTo, startBehind, startRelay } from './fixture.ts'
import type { Libp2p, Stream } from '@libp2p/interface'

const MiB = 1024 * 1024
const echo = '/test/echo/1.0.0'

/** What waits in the streams of a host: for its readers and for those behind it. */
const queuedBytes = (host: Libp2p): number =>
  host
    .getConnections()
    .flatMap(({ streams }) => streams)
    .reduce((sum, { writeBufferLength, readBufferLength }) => sum + writeBufferLength + readBufferLength, 0)

/** Sends what is asked for, as fast as the other side takes it. @returns how much has left at this moment */
const feed = (stream: Stream, data: Uint8Array) => {
  let sent = 0
  const chunk = 64 * 1024
  const push = (): void => {
    while (sent < data.length && stream.writeStatus === 'writable' && stream.writeBufferLength < chunk) {
      const end = Math.min(sent + chunk, data.length)
      stream.send(data.subarray(sent, end))
      sent = end
    }
  }
  for (const event of ['drain', 'idle'] as const) stream.addEventListener(event, () => queueMicrotask(push))
  push()
  return () => sent
}

const collect = (stream: Stream) => {
  const hash = createHash('sha256')
  const got = { bytes: 0, digest: () => hash.copy().digest('hex') }
  stream.addEventListener('message', ({ data }) => {
    got.bytes += data.byteLength
    hash.update(data.subarray())
  })
  return got
}

/** Nothing has moved for a while. */
const settled = async (read: () => number): Promise<number> => {
  let last = -1
  await vi.waitFor(
    () => {
      const value = read()
      const isStill = value === last
      last = value
      expect(isStill).toBe(true)
    },
    { timeout: 20_000, interval: 500 }
  )
  return last
}

describe('a circuit through a member', () => {
  it('connects two members that cannot reach each other, by a relayed path without limits', async () => {
    const network = await createTestNetwork()
    const relay = await startRelay(network)
    const [alice, bob] = [await startBehind(network, 'alice'), await startBehind(network, 'bob')]
    const address = await holdPlace(alice, relay)
    const connection = await bob.libp2p.dial(address)
    await bob.libp2p.services.admission.waitFor(connection)
    await vi.waitFor(() => expect(alice.libp2p.services.admission.has(bob.libp2p.peerId)).toBe(true))
    const [back] = alice.libp2p.getConnections(bob.libp2p.peerId)
    expect([pathClassOf(connection), back && pathClassOf(back)]).toEqual(['relayed', 'relayed'])
    expect(connection.limits).toBeUndefined()
    expect(relay.libp2p.services.relay.use).toMatchObject({ reservations: 1, circuits: 1, refusals: 0 })
    await connection.close()
    await vi.waitFor(() => expect(relay.libp2p.services.relay.use.circuits).toBe(0), 5_000)
  })

  it('carries 10 MiB unharmed after its reader has stalled, with a bounded queue on all three', async () => {
    const network = await createTestNetwork()
    const relay = await startRelay(network)
    const [alice, bob] = [await startBehind(network, 'alice'), await startBehind(network, 'bob')]
    let incoming: Stream | undefined
    await alice.libp2p.handle(echo, (stream) => {
      stream.pause()
      incoming = stream
    })
    const connection = await bob.libp2p.dial(await holdPlace(alice, relay))
    await bob.libp2p.services.admission.waitFor(connection)
    const stream = await connection.newStream(echo)
    const data = randomBytes(10 * MiB)
    const sent = feed(stream, data)
    await vi.waitFor(() => expect(incoming).toBeDefined())
    const stalled = await settled(sent)
    expect(stalled).toBeLessThan(6 * MiB)
    for (const host of [alice, relay, bob]) expect(queuedBytes(host.libp2p)).toBeLessThan(6 * MiB)
    if (incoming === undefined) throw new Error('no stream came')
    const got = collect(incoming)
    incoming.resume()
    await vi.waitFor(() => expect(got.bytes).toBe(data.length), 30_000)
    expect(got.digest()).toBe(createHash('sha256').update(data).digest('hex'))
  }, 60_000)

  it('stops who sends when the other end reads nothing at all', async () => {
    const network = await createTestNetwork()
    const relay = await startRelay(network)
    const [alice, bob] = [await startBehind(network, 'alice'), await startBehind(network, 'bob')]
    await holdPlace(alice, relay)
    await alice.libp2p.unhandle(stopProtocol)
    let called: Stream | undefined
    await alice.libp2p.handle(stopProtocol, async (stream) => {
      const stop = stopDialogue(stream)
      const signal = AbortSignal.timeout(5_000)
      await stop.read(signal)
      await stop.write({ type: 1, status: 100 }, signal)
      called = stop.unwrap()
      called.pause()
    })
    const toRelay = await linkTo(bob, relay)
    const hop = hopDialogue(await toRelay.newStream(hopProtocol))
    const signal = AbortSignal.timeout(5_000)
    await hop.write({ type: 1, peer: { id: alice.libp2p.peerId.toMultihash().bytes, addrs: [] } }, signal)
    expect(await hop.read(signal)).toMatchObject({ status: 100 })
    const data = randomBytes(32 * MiB)
    const sent = feed(hop.unwrap(), data)
    expect(await settled(sent)).toBeLessThan(8 * MiB)
    expect(queuedBytes(relay.libp2p)).toBeLessThan(6 * MiB)
    if (called === undefined) throw new Error('nobody was called')
    const got = collect(called)
    called.resume()
    await vi.waitFor(() => expect(got.bytes).toBe(data.length), 30_000)
    expect(got.digest()).toBe(createHash('sha256').update(data).digest('hex'))
  }, 60_000)

  it('is taken from no relay at which no place is held', async () => {
    const network = await createTestNetwork()
    const relay = await startRelay(network)
    const [alice, bob] = [await startBehind(network, 'alice'), await startBehind(network, 'bob')]
    const address = await holdPlace(alice, relay)
    alice.held.drop(relay.libp2p.peerId)
    await expect(bob.libp2p.dial(address)).rejects.toThrow()
    expect(alice.libp2p.getConnections(bob.libp2p.peerId)).toEqual([])
  })
})

describe('a relay of members', () => {
  it('gives strangers neither a place nor a circuit', async () => {
    const network = await createTestNetwork()
    const relay = await startRelay(network)
    const alice = await startBehind(network, 'alice')
    const address = await holdPlace(alice, relay)
    const stranger = await silentStranger(network, { listen: [], transports: [circuitRelayTransport()] })
    await expect(stranger.libp2p.dial(address, { signal: AbortSignal.timeout(8_000) })).rejects.toThrow()
    const connection = await stranger.libp2p.dial(relay.libp2p.getMultiaddrs())
    await expect(reserve(connection, AbortSignal.timeout(8_000))).rejects.toThrow()
    expect(alice.libp2p.getConnections(stranger.libp2p.peerId)).toEqual([])
    expect(relay.libp2p.services.relay.use).toMatchObject({ reservations: 1, circuits: 0 })
  }, 30_000)

  it('holds no more places and circuits than it is told, and says which is used up', async () => {
    const network = await createTestNetwork()
    const relay = await startRelay(network, { reservations: 1, circuitsPerPeer: 1 })
    const [alice, bob] = [await startBehind(network, 'alice'), await startBehind(network, 'bob')]
    const address = await holdPlace(alice, relay)
    await expect(holdPlace(bob, relay)).rejects.toMatchObject({
      code: 'RELAY_REFUSED',
      message: expect.stringContaining('no place left')
    })
    await bob.libp2p.dial(address)
    const again = bob.libp2p.dial(address, { force: true })
    await expect(again).rejects.toThrow(/used up/)
    expect(relay.libp2p.services.relay.use).toMatchObject({ reservations: 1, circuits: 1, refusals: 2 })
  })

  it('cuts circuits of a member that has sent all that it may in an hour', async () => {
    const network = await createTestNetwork()
    const relay = await startRelay(network, { bytesPerHour: MiB })
    const [alice, bob] = [await startBehind(network, 'alice'), await startBehind(network, 'bob')]
    await alice.libp2p.handle(echo, (stream) => void collect(stream))
    const connection = await bob.libp2p.dial(await holdPlace(alice, relay))
    await bob.libp2p.services.admission.waitFor(connection)
    feed(await connection.newStream(echo), randomBytes(2 * MiB))
    await vi.waitFor(() => expect(connection.status).not.toBe('open'), 10_000)
    await vi.waitFor(() => expect(relay.libp2p.services.relay.use.circuits).toBe(0), 5_000)
  })

  it('serves members that use the stock transport', async () => {
    const network = await createTestNetwork()
    const relay = await startRelay(network)
    const bob = await startBehind(network, 'bob')
    const stock = track(
      await createHost({
        network,
        member: await network.member('stock'),
        listen: [`${String(relay.libp2p.getMultiaddrs()[0])}/p2p-circuit`],
        services: {},
        transports: [circuitRelayTransport()]
      })
    ).libp2p
    await vi.waitFor(() => expect(stock.getMultiaddrs()).not.toEqual([]), 5_000)
    const connection = await bob.libp2p.dial(multiaddr(String(stock.getMultiaddrs()[0])))
    await bob.libp2p.services.admission.waitFor(connection)
    expect(connection.limits).toBeUndefined()
  })
})
