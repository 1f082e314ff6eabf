import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it, vi } from 'vitest'
import { createHost, createTestNetwork, type TestHost, type TestNetwork } from '@agent-mesh/testkit'
import { memberOnly } from '../../src/index.ts'
import { fullServices, silentStranger, subscribersOf, topic, track } from './fixture.ts'

const relay = async (network: TestNetwork, reservations: { applyDefaultLimit?: boolean }) =>
  track(
    await createHost({
      network,
      member: await network.member('relay'),
      admission: { helloTimeoutMs: 1_500 },
      services: { ...fullServices(network), relay: memberOnly(circuitRelayServer({ reservations }), 'registrar') }
    })
  )

const circuit = (host: Pick<TestHost, 'libp2p'>): string => `${String(host.libp2p.getMultiaddrs()[0])}/p2p-circuit`

const behind = async (network: TestNetwork, name: string, listen: string[]) =>
  track(
    await createHost({
      network,
      member: await network.member(name),
      listen,
      services: fullServices(network),
      transports: [memberOnly(circuitRelayTransport(), 'registrar')]
    })
  )

const talkThrough = async (network: TestNetwork, reservations: { applyDefaultLimit?: boolean }) => {
  const r = await relay(network, reservations)
  const a = await behind(network, 'alice', [circuit(r)])
  const b = await behind(network, 'bob', [])
  for (const host of [a, b]) host.libp2p.services.pubsub.subscribe(topic)
  await vi.waitFor(() => expect(a.libp2p.getMultiaddrs()).toHaveLength(1), 5_000)
  const connection = await b.libp2p.dial(multiaddr(`${circuit(r)}/p2p/${a.libp2p.peerId.toString()}`))
  await b.libp2p.services.admission.waitFor(connection)
  await vi.waitFor(() => expect(a.libp2p.services.admission.has(b.libp2p.peerId)).toBe(true))
  return { r, a, b, connection }
}

describe('hello through a relay', () => {
  it('works on a limited connection, to which nothing else attaches', async () => {
    const network = await createTestNetwork()
    const { a, b, connection } = await talkThrough(network, {})
    expect(connection.limits?.bytes).toBeGreaterThan(0n)
    await b.libp2p.services.ping.ping(a.libp2p.peerId, { signal: AbortSignal.timeout(5_000) })
    for (const [one, other] of [[a, b] as const, [b, a] as const]) {
      const { protocols } = await one.libp2p.peerStore.get(other.libp2p.peerId)
      expect(protocols.filter((id) => !id.includes('hello') && !id.includes('ping'))).toEqual([])
    }
    expect(subscribersOf(a)).not.toContain(b.libp2p.peerId.toString())
    expect(connection.status).toBe('open')
  })

  it('carries gossip when the relay sets no limit', async () => {
    const network = await createTestNetwork()
    const { a, b, connection } = await talkThrough(network, { applyDefaultLimit: false })
    expect(connection.limits).toBeUndefined()
    await vi.waitFor(() => {
      expect(subscribersOf(a)).toContain(b.libp2p.peerId.toString())
      expect(subscribersOf(b)).toContain(a.libp2p.peerId.toString())
    }, 5_000)
  })
})

describe('a relay', () => {
  it('gives strangers neither a reservation nor a connection', async () => {
    const network = await createTestNetwork()
    const { r, a } = await talkThrough(network, {})
    const stranger = await silentStranger(network, { listen: [], transports: [circuitRelayTransport()] })
    const target = multiaddr(`${circuit(r)}/p2p/${a.libp2p.peerId.toString()}`)
    await expect(stranger.libp2p.dial(target, { signal: AbortSignal.timeout(8_000) })).rejects.toThrow()
    expect(a.libp2p.getConnections(stranger.libp2p.peerId)).toEqual([])
    await vi.waitFor(() => expect(stranger.libp2p.getConnections()).toEqual([]), 7_000)
    const connection = await stranger.libp2p.dial(r.libp2p.getMultiaddrs())
    const hop = await connection.newStream('/libp2p/circuit/relay/0.2.0/hop')
    const got = vi.fn()
    hop.addEventListener('message', got)
    // RESERVE
    hop.send(Uint8Array.of(2, 8, 0))
    await vi.waitFor(() => expect(connection.status).not.toBe('open'), 7_000)
    expect(got).not.toHaveBeenCalled()
  }, 20_000)
})
