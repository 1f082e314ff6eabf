import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, expect, it, vi } from 'vitest'
import { circuitRelayServer } from '@libp2p/circuit-relay-v2'
import { createMesh, createStranger, createTestNetwork, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import type { NodeEvent } from '@agent-mesh/wire/api'

const deadline = { timeout: 60_000, interval: 200 }

let mesh: TestMesh
const ends: Array<() => unknown> = []
afterEach(async () => {
  vi.restoreAllMocks()
  await mesh.close()
  for (const end of ends.splice(0)) await end()
})

const eventsOf = ({ node }: MeshMember): NodeEvent[] => {
  const events: NodeEvent[] = []
  node.onEvent((event) => events.push(event))
  return events
}

it('ends a tunnel after the two minutes of a stock relay and names them, and nobody is gone meanwhile', async () => {
  const carrier = await createStranger({
    network: await createTestNetwork(),
    services: { relay: circuitRelayServer() }
  })
  ends.push(carrier.stop)
  const address = String(carrier.libp2p.getMultiaddrs()[0])
  mesh = await createMesh(['founder'])
  await mesh.members[0]?.stop()
  const settings = `announce: [/ip4/127.0.0.1/tcp/9]\nrelay: { serve: off, carriers: [${address}] }\nwebrtc: { enabled: false }`
  const alice = await mesh.add('alice', { settings, bootstrap: [] })
  const bob = await mesh.add('bob', {
    settings,
    bootstrap: [],
    dial: [`${address}/p2p-circuit/p2p/${alice.node.ready.peerId}`]
  })
  for (const { host } of [alice, bob])
    vi.spyOn(host().services.punch, 'punch').mockRejectedValue(new Error('nobody punches here'))
  await vi.waitFor(async () => expect(await bob.connected()).toHaveLength(1), deadline)
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  ends.push(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('it listens on no port')
  await alice.node.serve('echo', { address: `tcp://127.0.0.1:${bound.port}`, capabilities: [] })
  const seen = [eventsOf(alice), eventsOf(bob)]
  const open = async () =>
    (await bob.node.connect(`${alice.node.ready.peerId}/echo`, { signal: AbortSignal.timeout(20_000) })).tunnel
  const tunnel = await open()
  tunnel.on('error', () => {})
  await new Promise((resolve) => void tunnel.once('close', resolve))
  const carrierId = carrier.libp2p.peerId.toString()
  expect(tunnel.errored).toMatchObject({
    code: 'CARRIER_LIMIT',
    message: `The carrier ${carrierId} gives 120 s to each connection; its time is over.`,
    details: { carrier: carrierId, limit: 'seconds', value: 120 }
  })
  const next = await open()
  next.write('again')
  expect(String((await once(next, 'data'))[0])).toBe('again')
  next.destroy()
  await vi.waitFor(() =>
    expect(seen.map((one) => one.some(({ event }) => event === 'carrier:limit'))).toEqual([true, true])
  )
  const gone = seen.flat().filter(({ event, fields }) => event === 'peer:left' || fields?.['state'] === 'dead')
  expect(gone).toEqual([])
  expect(await bob.connected()).toMatchObject([{ name: 'alice', health: { state: 'alive' } }])
}, 240_000)
