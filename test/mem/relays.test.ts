import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { finished } from 'node:stream/promises'
import { afterEach, expect, it, vi } from 'vitest'
import { createMesh, type MeshMember, type TestMesh } from '@agent-mesh/testkit'

const MiB = 1024 * 1024
const deadline = { timeout: 30_000, interval: 100 }

let mesh: TestMesh
const servers: Server[] = []

afterEach(async () => {
  vi.restoreAllMocks()
  for (const server of servers.splice(0)) server.close()
  await mesh.close()
})

/** Where nobody listens: who announces it can be dialled by nobody. */
const behindNat = 'announce: [/ip4/127.0.0.1/tcp/9]'
const relaying = 'relay: { serve: on }'

const service = async (onConnection: (socket: Socket) => void): Promise<string> => {
  const server = createServer((socket) => {
    socket.on('error', () => {}) // a relay is killed under it
    onConnection(socket)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on no port')
  return `tcp://127.0.0.1:${address.port}`
}

const places = async ({ node }: MeshMember): Promise<string[]> =>
  (await node.status()).addresses.filter((address) => address.includes('/p2p-circuit'))

const pathTo = async (from: MeshMember, to: MeshMember): Promise<string | undefined> =>
  (await from.node.peers()).find(({ peerId }) => peerId === to.node.ready.peerId)?.path

/** Two relays beside the founder, and two members that nobody can dial. */
const start = async () => {
  mesh = await createMesh(['founder'])
  const first = await mesh.add('first', { settings: relaying })
  const second = await mesh.add('second', { settings: relaying })
  const alice = await mesh.add('alice', { settings: behindNat, bootstrap: [first, second] })
  const bob = await mesh.add('bob', { settings: behindNat, bootstrap: [first, second] })
  for (const member of [alice, bob]) {
    // on one machine they could, and would after some seconds
    vi.spyOn(member.host().services.punch, 'punch').mockRejectedValue(new Error('nobody punches here'))
    await vi.waitFor(async () => expect(await places(member)).toHaveLength(2), deadline)
  }
  return { first, second, alice, bob }
}

/** What waits in the streams of a node, for its readers and for those behind it. */
const queuedBytes = ({ host }: MeshMember): number =>
  host()
    .getConnections()
    .flatMap(({ streams }) => streams)
    .reduce((sum, { writeBufferLength, readBufferLength }) => sum + writeBufferLength + readBufferLength, 0)

it('carries 10 MiB between members that nobody can dial, with bounded queues while the reader stalls', async () => {
  const { first, second, alice, bob } = await start()
  const hash = createHash('sha256')
  let reader: Socket | undefined
  const address = await service((socket) => {
    reader = socket.pause()
  })
  await alice.node.serve('sink', { address, capabilities: [] })
  const { tunnel } = await bob.node.connect(`${alice.node.ready.peerId}/sink`, { signal: AbortSignal.timeout(20_000) })
  expect(await pathTo(bob, alice)).toBe('relayed')
  expect(await pathTo(alice, bob)).toBe('relayed')
  const data = randomBytes(10 * MiB)
  const sent = finished(tunnel, { readable: false })
  tunnel.end(data)
  await vi.waitFor(() => expect(reader).toBeDefined(), deadline)
  let most = 0
  let last = -1
  await vi.waitFor(
    () => {
      const now = [alice, bob, first, second].map(queuedBytes)
      most = Math.max(most, ...now)
      const sum = now.reduce((a, b) => a + b, 0)
      const isStill = sum === last
      last = sum
      expect(isStill).toBe(true)
    },
    { timeout: 20_000, interval: 500 }
  )
  expect(most).toBeLessThan(8 * MiB)
  if (reader === undefined) throw new Error('nobody has called')
  let got = 0
  reader.on('data', (chunk: Buffer) => {
    got += chunk.length
    hash.update(chunk)
  })
  const ended = once(reader, 'end')
  reader.resume()
  await ended
  reader.end()
  await sent
  expect(got).toBe(data.length)
  expect(hash.digest('hex')).toBe(createHash('sha256').update(data).digest('hex'))
}, 90_000)

it('goes through another relay within 15 seconds when one is killed, and holds a place again when it is back', async () => {
  const { first, second, alice, bob } = await start()
  const address = await service((socket) => void socket.end('alice'))
  await alice.node.serve('hello', { address, capabilities: [] })
  const call = async (): Promise<string> => {
    const { tunnel } = await bob.node.connect(`${alice.node.ready.peerId}/hello`, {
      signal: AbortSignal.timeout(15_000)
    })
    tunnel.end()
    return (await tunnel.toArray()).join('')
  }
  expect(await call()).toBe('alice')
  const [connection] = bob.host().services.admission.connections(alice.host().peerId)
  const used = [first, second].find(({ node }) =>
    connection?.remoteAddr.toString().includes(`/p2p/${node.ready.peerId}/p2p-circuit`)
  )
  if (used === undefined) throw new Error('it goes through neither relay')
  await used.kill()
  const killedMs = performance.now()
  await vi.waitFor(async () => expect(await call()).toBe('alice'), { timeout: 15_000, interval: 200 })
  const tookMs = performance.now() - killedMs
  console.log(`a new tunnel ${Math.round(tookMs)} ms after its relay was killed`)
  expect(tookMs).toBeLessThan(15_000)
  await vi.waitFor(async () => expect(await places(alice)).toHaveLength(1), deadline)
  await used.restart()
  await vi.waitFor(async () => expect(await places(alice)).toHaveLength(2), deadline)
}, 120_000)
