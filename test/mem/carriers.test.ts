import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { circuitRelayServer } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { joinNetwork, openStateDir, startAgent } from '@agent-mesh/node'
import { createMesh, createStranger, createTestNetwork, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import type { Connection, Stream } from '@libp2p/interface'

const KiB = 1024
const deadline = { timeout: 45_000, interval: 200 }

let mesh: TestMesh
const servers: Server[] = []
const stops: Array<() => Promise<void>> = []

afterEach(async () => {
  vi.restoreAllMocks()
  for (const server of servers.splice(0)) server.close()
  await mesh.close()
  for (const stop of stops.splice(0)) await stop()
})

/** Where nobody listens: who announces it can be dialled by nobody. */
const behindNat = (carriers: string[]): string =>
  `announce: [/ip4/127.0.0.1/tcp/9]\nrelay: { serve: off, carriers: [${carriers.join(', ')}] }`

const service = async (onConnection: (socket: Socket) => void): Promise<string> => {
  const server = createServer((socket) => {
    socket.on('error', () => {}) // its tunnel is cut
    onConnection(socket)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on no port')
  return `tcp://127.0.0.1:${address.port}`
}

interface Inside {
  muxer: { addEventListener: (type: 'stream', listener: (event: CustomEvent<Stream>) => void) => void }
}
const hasMuxer = (connection: object): connection is Inside => 'muxer' in connection

/**
 * A relay of another network: a stock node with the limits that it has by itself. `asked` holds the protocol of every
 * stream that others opened to it, and nothing for one whose protocol it does not speak.
 */
const startCarrier = async (reservations: { maxReservations?: number } = {}) => {
  const asked: string[] = []
  const { libp2p, stop } = await createStranger({
    network: await createTestNetwork(),
    services: { relay: circuitRelayServer({ reservations }), identify: identify(), ping: ping() }
  })
  stops.push(stop)
  libp2p.addEventListener('connection:open', ({ detail: connection }: CustomEvent<Connection>) => {
    const inside: object = connection
    if (!hasMuxer(inside)) throw new Error('this version of libp2p hides its streams')
    inside.muxer.addEventListener('stream', ({ detail: stream }) =>
      stream.addEventListener('close', () => asked.push(stream.protocol))
    )
  })
  const peerId = libp2p.peerId.toString()
  return { libp2p, peerId, address: String(libp2p.getMultiaddrs()[0]), asked, stop }
}
type Carrier = Awaited<ReturnType<typeof startCarrier>>

const places = async ({ node }: MeshMember): Promise<string[]> =>
  (await node.status()).addresses.filter((address) => address.includes('/p2p-circuit'))

/** On one machine they could reach each other by themselves, and would after some seconds. */
const alone = (member: MeshMember): void => {
  const { punch, webrtc } = member.host().services
  vi.spyOn(punch, 'punch').mockRejectedValue(new Error('nobody punches here'))
  if (webrtc !== undefined) vi.spyOn(webrtc, 'connect').mockRejectedValue(new Error('no UDP here'))
}

/** Two members that share nothing but the carrier: who certified them has gone. */
const start = async (carrier: Carrier) => {
  mesh = await createMesh(['founder'])
  await mesh.members[0]?.stop()
  const settings = behindNat([carrier.address])
  const alice = await mesh.add('alice', { settings, bootstrap: [], capabilities: ['arts/music'] })
  alone(alice)
  await vi.waitFor(async () => expect(await places(alice)).toHaveLength(1), deadline)
  const [place = ''] = await places(alice)
  const known = `${place}/p2p/${alice.node.ready.peerId}`
  const bob = await mesh.add('bob', { settings, bootstrap: [], dial: [known] })
  alone(bob)
  await vi.waitFor(async () => expect(await bob.connected()).toHaveLength(1), deadline)
  return { alice, bob }
}

const call = async (from: MeshMember, target: string): Promise<string> => {
  const { tunnel } = await from.node.connect(target, { signal: AbortSignal.timeout(20_000) })
  tunnel.end()
  return (await tunnel.toArray()).join('')
}

it('lets two members that share nothing else find and call each other, and hears of nothing but relaying', async () => {
  const carrier = await startCarrier()
  const { alice, bob } = await start(carrier)
  await alice.node.serve('hello', { address: await service((socket) => void socket.end('alice')), capabilities: [] })
  await bob.node.serve('hello', { address: await service((socket) => void socket.end('bob')), capabilities: [] })
  await vi.waitFor(
    async () =>
      expect(
        (await bob.node.find({ query: 'arts/music' }, { signal: AbortSignal.timeout(5_000) })).candidates
      ).toMatchObject([{ name: 'alice' }]),
    deadline
  )
  await vi.waitFor(async () => expect(await call(bob, 'alice/hello')).toBe('alice'), deadline)
  await vi.waitFor(async () => expect(await call(alice, 'bob/hello')).toBe('bob'), deadline)
  const { steps } = await bob.node.why({ target: 'alice/hello' }, { signal: AbortSignal.timeout(20_000) })
  expect(steps.find(({ layer }) => layer === 'path')?.text).toMatch(
    new RegExp(`^relayed through the carrier ${carrier.peerId}, 128 KiB and 120 s for each connection, .* used, `)
  )
  const use = { peerId: carrier.peerId, limitBytes: 128 * KiB, limitSeconds: 120 }
  expect(await bob.connected()).toMatchObject([{ name: 'alice', path: 'relayed', carrier: use }])
  for (const { node, host } of [alice, bob]) {
    expect((await node.peers()).map(({ peerId }) => peerId)).not.toContain(carrier.peerId)
    expect((await node.status()).carriers).toMatchObject([{ ...use, state: 'held' }])
    const { admission, dht, pubsub } = host().services
    expect(admission.has(carrier.libp2p.peerId)).toBe(false)
    expect(dht.routingTable.size).toBe(0)
    expect(pubsub.getPeers().map(String)).toEqual([])
  }
  await Promise.all([alice.stop(), bob.stop()])
  await vi.waitFor(() => expect(carrier.libp2p.getConnections()).toHaveLength(0), deadline)
  expect(new Set(carrier.asked)).toEqual(new Set(['/libp2p/circuit/relay/0.2.0/hop']))
}, 120_000)

it('ends a tunnel that has used up what the carrier gives, and says so on both sides; the next one works', async () => {
  const carrier = await startCarrier()
  const { alice, bob } = await start(carrier)
  const address = await service((socket) => void socket.resume())
  await alice.node.serve('sink', { address, capabilities: [] })
  await alice.node.serve('hello', { address: await service((socket) => void socket.end('alice')), capabilities: [] })
  const ends: Array<Record<string, unknown>> = []
  alice.node.onEvent((event) => {
    if (event.event === 'tunnel:closed') ends.push(event.fields)
  })
  const { tunnel } = await bob.node.connect(`${alice.node.ready.peerId}/sink`, { signal: AbortSignal.timeout(20_000) })
  const ended = new Promise((resolve) => void tunnel.once('close', resolve))
  tunnel.on('error', () => {})
  tunnel.write(Buffer.alloc(1024 * KiB))
  await ended
  expect(tunnel.errored).toMatchObject({
    code: 'CARRIER_LIMIT',
    message: expect.stringMatching(
      new RegExp(`^The carrier ${carrier.peerId} gives 128 KiB to each connection; 12\\d KiB had passed`)
    ),
    details: { carrier: carrier.peerId, limit: 'bytes', value: 128 * KiB }
  })
  await vi.waitFor(() => expect(ends).toHaveLength(1), deadline)
  expect(ends[0]).toMatchObject({ code: 'CARRIER_LIMIT', message: expect.stringContaining('gives 128 KiB') })
  expect(ends[0]?.['bytesIn']).toBeGreaterThan(96 * KiB)
  expect(ends[0]?.['bytesIn']).toBeLessThan(128 * KiB)
  expect(await call(bob, `${alice.node.ready.peerId}/hello`)).toBe('alice')
}, 120_000)

it('is asked again later where it gives no place, and is told nothing where it is somebody else', async () => {
  const full = await startCarrier({ maxReservations: 0 })
  const other = await startCarrier()
  const wrong = other.address.replace(other.peerId, '12D3KooWGC6TvWhfapngX6wvJHvYYmdMTZ7xSVs5UvhQRVUGvcyQ')
  mesh = await createMesh(['founder'])
  const { node } = await mesh.add('alice', { settings: behindNat([full.address, wrong]) })
  const states = async () => (await node.status()).carriers ?? []
  await vi.waitFor(
    async () => expect((await states()).map(({ state }) => state)).toEqual(['refused', 'refused']),
    deadline
  )
  const [refused, stale] = await states()
  expect(refused).toMatchObject({
    peerId: full.peerId,
    code: 'RELAY_REFUSED',
    reason: `${full.peerId} holds no place for this node: it has no place left.`
  })
  expect(refused?.retryMs).toBeGreaterThan(Date.now())
  expect(stale).toMatchObject({ code: 'STALE_ROUTE', hint: expect.stringContaining('relay.carriers') })
  expect(stale?.reason).toContain('Somebody else than the carrier')
  expect((await node.netcheck({ signal: AbortSignal.timeout(15_000) })).carriers).toHaveLength(2)
  expect((await node.status()).warnings.map(({ code }) => code)).toEqual(
    expect.arrayContaining(['RELAY_REFUSED', 'STALE_ROUTE'])
  )
  expect(other.asked).toEqual([])
}, 90_000)

it('leads to the issuer of a ticket whom nobody can dial, and whoever joined goes on through it', async () => {
  const carrier = await startCarrier()
  mesh = await createMesh(['founder'])
  await mesh.members[0]?.stop()
  const alice = await mesh.add('alice', { settings: behindNat([carrier.address]), bootstrap: [], mayAdmit: true })
  await vi.waitFor(async () => expect(await places(alice)).toHaveLength(1), deadline)
  const { ticket } = await alice.node.invite({})
  const path = await mkdtemp(join(tmpdir(), 'mesh-carried-'))
  stops.push(async () => rm(path, { recursive: true }))
  const directory = await openStateDir(path)
  expect(await joinNetwork(directory, { ticket, name: 'carol' })).toMatchObject({
    name: 'carol',
    carrier: carrier.address
  })
  const configFile = join(path, 'mesh.yaml')
  await writeFile(configFile, behindNat([carrier.address]))
  const carol = await startAgent({ name: 'carol', stateDir: path, configFile, listen: ['/ip4/127.0.0.1/tcp/0'] })
  stops.unshift(async () => carol.close())
  await vi.waitFor(
    async () => expect(await carol.node.peers()).toMatchObject([{ name: 'alice', path: 'relayed' }]),
    deadline
  )
}, 90_000)
