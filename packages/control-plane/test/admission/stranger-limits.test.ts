import { createConnection, type Socket } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createHost, createTestNetwork, type MemberHostInit } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import { remoteHost } from '../../src/admission/remote-host.ts'
import { StrangerLimits } from '../../src/index.ts'
import { bareStranger, link, partly, track } from './fixture.ts'
import type { MultiaddrConnection } from '@libp2p/interface'

const sockets = new Set<Socket>()

afterEach(() => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
})

const setUp = async (init: Partial<MemberHostInit> = {}) => {
  const network = await createTestNetwork()
  const host = track(await createHost({ network, member: await network.member('alice'), ...init }))
  return { network, host }
}

type Host = Awaited<ReturnType<typeof setUp>>['host']

/** TCP connections that say nothing, at once. @returns how many were let in, and stay */
const knock = async (host: Host, count = 1): Promise<number> => {
  const [address] = host.libp2p.getMultiaddrs()
  const port = Number(address?.getComponents().find(({ name }) => name === 'tcp')?.value)
  const earlier = host.limits.pending
  const inside = new Set<Socket>()
  for (let index = 0; index < count; index += 1) {
    const socket = createConnection(port, '127.0.0.1')
    sockets.add(socket)
    inside.add(socket)
    socket.resume().on('error', () => {})
    socket.on('close', () => inside.delete(socket))
  }
  // every one of them was either let in or closed
  await vi.waitFor(() => expect(host.limits.pending - earlier).toBe(inside.size), { timeout: 8_000, interval: 10 })
  return inside.size
}

describe('connections of strangers', () => {
  it('are bounded in number, and one past it is closed', async () => {
    const pendingConnections = 5
    const { network, host } = await setUp({ rates: { pendingConnections } })
    for (let count = 0; count < pendingConnections; count += 1) expect(await knock(host)).toBe(1)
    expect(await knock(host)).toBe(0)
    expect(host.limits.pending).toBe(pendingConnections)
    // one leaves, one may come
    const [first] = sockets
    first?.destroy()
    await vi.waitFor(() => expect(host.limits.pending).toBe(pendingConnections - 1))
    const member = track(await createHost({ network, member: await network.member('bob') }))
    await link(member, host)
    await vi.waitFor(() => expect(host.libp2p.services.admission.has(member.libp2p.peerId)).toBe(true))
    expect(host.limits.pending).toBe(pendingConnections - 1)
  })

  it('are bounded for each second and host; members take nothing of it', async () => {
    const connectionsPerSecond = 4
    const { network, host } = await setUp({ rates: { connectionsPerSecond } })
    for (let count = 0; count < 2 * connectionsPerSecond; count += 1) {
      const member = track(await createHost({ network, member: await network.member(`member-${count}`) }))
      await link(member, host)
      await vi.waitFor(() => expect(host.libp2p.services.admission.has(member.libp2p.peerId)).toBe(true))
    }
    const inside = await knock(host, 10 * connectionsPerSecond)
    expect(inside).toBeGreaterThanOrEqual(connectionsPerSecond)
    expect(inside).toBeLessThan(5 * connectionsPerSecond)
    await vi.waitFor(async () => expect(await knock(host)).toBe(1), { timeout: 5_000, interval: 100 })
  })

  it('are 32 at a time and 16 in a second by default', async () => {
    const { host } = await setUp({
      rates: {
        pendingConnections: limits.strangerPendingConnections,
        connectionsPerSecond: limits.strangerConnectionsPerSecond
      }
    })
    const inside = await knock(host, 128)
    expect(inside).toBeGreaterThanOrEqual(limits.strangerConnectionsPerSecond)
    expect(inside).toBeLessThanOrEqual(limits.strangerPendingConnections)
  })

  it('are counted until they are admitted, those that speak libp2p too', async () => {
    const { network, host } = await setUp({ rates: { pendingConnections: 2 } })
    for (const _ of [1, 2]) await (await bareStranger(network)).libp2p.dial(host.libp2p.getMultiaddrs())
    expect(host.limits.pending).toBe(2)
    await expect((await bareStranger(network)).libp2p.dial(host.libp2p.getMultiaddrs())).rejects.toThrow()
  })
})

describe('the gate of a host', () => {
  it('asks the given gater too, and denies when either does', async () => {
    const denyInboundConnection = vi.fn(() => false)
    const denyDialPeer = vi.fn(() => true)
    const { connectionGater } = new StrangerLimits({
      gater: { denyInboundConnection, denyDialPeer, denyDialMultiaddr: () => true }
    })
    const connection = partly<MultiaddrConnection>({
      timeline: { open: 0 },
      remoteAddr: multiaddr('/ip4/1.2.3.4/tcp/1'),
      addEventListener: () => {}
    })
    const { peerId } = await (await createTestNetwork()).member('bob')
    expect(await connectionGater.denyInboundConnection?.(connection)).toBe(false)
    denyInboundConnection.mockReturnValueOnce(true)
    expect(await connectionGater.denyInboundConnection?.(connection)).toBe(true)
    expect(await connectionGater.denyDialPeer?.(peerId)).toBe(true)
    expect(await connectionGater.denyDialMultiaddr?.(connection.remoteAddr)).toBe(true)
  })

  it('does not dial whom the node denies', async () => {
    const network = await createTestNetwork()
    const bob = track(await createHost({ network, member: await network.member('bob') }))
    const alice = track(
      await createHost({
        network,
        member: await network.member('alice'),
        admission: { isDenied: (peer) => (peer.equals(bob.libp2p.peerId) ? 'DENIED' : undefined) }
      })
    )
    await expect(alice.libp2p.dial(bob.libp2p.getMultiaddrs())).rejects.toMatchObject({ name: 'DialDeniedError' })
  })
})

describe('the host of an address', () => {
  it.each([
    ['/ip4/1.2.3.4/tcp/4001', '1.2.3.4'],
    ['/ip4/1.2.3.4/udp/1/quic-v1', '1.2.3.4'],
    ['/ip6/2001:db8:1:2:3:4:5:6/tcp/1', '2001:db8:1:2'],
    ['/ip6/2001:db8:1:2::9/tcp/1', '2001:db8:1:2'],
    ['/ip6/2001:db8::1/tcp/1', '2001:db8:0:0'],
    ['/ip6/::1/tcp/1', '0:0:0:0'],
    ['/ip4/1.2.3.4/tcp/1/p2p/12D3KooWKRyzVWW6ChFjQjK4miCty85Niy48tpPV95XdKu1BcvMA/p2p-circuit', 'relay 1.2.3.4'],
    ['/dns4/example.org/tcp/1', 'example.org']
  ])('of %s is %s', (address, host) => {
    expect(remoteHost(multiaddr(address))).toBe(host)
  })
})
