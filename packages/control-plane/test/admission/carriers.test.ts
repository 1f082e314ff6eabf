import { describe, expect, it, vi } from 'vitest'
import { createHost, createStranger, createTestNetwork } from '@agent-mesh/testkit'
import { circuitRelayServer } from '@libp2p/circuit-relay-v2'
import { relayProtocol, reserve } from '../../src/index.ts'
import { fullServices, track } from './fixture.ts'
import type { Connection, Libp2p } from '@libp2p/interface'

const start = async () => {
  const network = await createTestNetwork()
  const carrier = track(await createStranger({ network, services: { relay: circuitRelayServer() } }))
  const { libp2p } = track(
    await createHost({
      network,
      member: await network.member('alice'),
      services: fullServices(network),
      admission: { carriers: new Set([carrier.libp2p.peerId.toString()]), helloTimeoutMs: 200 }
    })
  )
  return { member: libp2p, carrier: carrier.libp2p, admission: libp2p.services.admission }
}

const isOpen = ({ status }: Connection): boolean => status === 'open'
const inbound = async (to: Libp2p): Promise<Connection> => {
  await vi.waitFor(() => expect(to.getConnections()).toHaveLength(1))
  return to.getConnections()[0] ?? expect.fail('nobody has dialled')
}
const toFirst = (to: Libp2p) => to.getMultiaddrs()[0] ?? expect.fail('it listens nowhere')

describe('a connection to a carrier', () => {
  it('is asked for no hello, admitted nowhere, and outlives the time for one', async () => {
    const { member, carrier, admission } = await start()
    const opened = vi.fn()
    admission.onChange(opened)
    const connection = await member.dial(toFirst(carrier))
    const back = await inbound(carrier)
    expect(admission.isCarrier(connection)).toBe(true)
    await expect(admission.waitFor(connection)).rejects.toMatchObject({ code: 'NOT_A_MEMBER' })
    const signal = AbortSignal.timeout(10_000)
    await expect(reserve(connection, signal)).resolves.toMatchObject({ limit: { bytes: 131_072, seconds: 120 } })
    await vi.waitFor(() => expect(Date.now() - connection.timeline.open).toBeGreaterThan(400))
    expect(isOpen(connection) && isOpen(back)).toBe(true)
    expect([admission.has(carrier.peerId), admission.knows(carrier.peerId), admission.members()]).toEqual([
      false,
      false,
      []
    ])
    expect(opened).not.toHaveBeenCalled()
    expect(member.services.pubsub.getPeers()).toEqual([])
    await connection.close()
    expect(admission.isCarrier(connection)).toBe(false)
  })

  it('gives out streams to ask for relaying and no other, whoever wants one', async () => {
    const { member, carrier } = await start()
    const connection = await member.dial(toFirst(carrier))
    const signal = AbortSignal.timeout(5_000)
    await expect(connection.newStream('/ipfs/id/1.0.0', { signal })).rejects.toMatchObject({
      name: 'UnsupportedProtocolError'
    })
    await expect(connection.newStream(['/a', relayProtocol], { signal })).rejects.toThrow('to relay and nothing else')
    await expect(member.services.ping.ping(carrier.peerId, { signal })).rejects.toThrow()
    const stream = await connection.newStream(relayProtocol, { signal })
    stream.abort(new Error('enough'))
  })

  it('brings no stream to what members serve', async () => {
    const { member, carrier, admission } = await start()
    const connection = await member.dial(toFirst(carrier))
    const served = member.getProtocols()
    expect(served.length).toBeGreaterThan(4)
    const back = await inbound(carrier)
    for (const protocol of served) {
      const stream = await back.newStream(protocol, { signal: AbortSignal.timeout(5_000) })
      await vi.waitFor(() => expect(['reset', 'aborted', 'closed']).toContain(stream.status))
    }
    expect(isOpen(connection)).toBe(true)
    expect(admission.has(carrier.peerId)).toBe(false)
  })

  it('is a stranger’s where the carrier has dialled', async () => {
    const { member, carrier, admission } = await start()
    const connection = await carrier.dial(toFirst(member))
    await vi.waitFor(() => expect(connection.status).not.toBe('open'))
    expect(member.getConnections().some((one) => admission.isCarrier(one))).toBe(false)
  })
})
