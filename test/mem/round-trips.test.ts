import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createMesh, SlowWire, type MeshMember, type TestMesh } from '@agent-mesh/testkit'

/** Of 50 ms from node to node and back. */
const delayMs = 25
const patience = 30_000

let mesh: TestMesh
let wire: SlowWire
let echo: Server
let alice: MeshMember
let bob: MeshMember
let forward: { host: string; port: number }

const portOf = (server: Server): number => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

const isConnected = async (): Promise<boolean> => (await bob.connected()).length > 0

// Alice is reached by the wire alone, and bob by nobody: all that they say to each other passes it.
beforeAll(async () => {
  echo = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  mesh = await createMesh(['alice'])
  const [founder] = mesh.members
  const port = Number(/\/tcp\/(\d+)/.exec(founder?.node.ready.addresses[0] ?? '')?.[1])
  if (founder === undefined || Number.isNaN(port)) throw new Error('alice listens nowhere')
  alice = founder
  wire = await SlowWire.start({ port, delayMs })
  await alice.restart({ announce: [`/ip4/127.0.0.1/tcp/${wire.port}`] })
  await alice.node.serve('echo', { address: `tcp://127.0.0.1:${portOf(echo)}` })
  bob = await mesh.add('bob', { settings: "announce: ['/ip4/127.0.0.1/tcp/1']" })
  await vi.waitFor(async () => expect(await isConnected()).toBe(true), patience)
  const { listen } = await bob.node.addForward({ listen: '127.0.0.1:0', target: `${alice.node.ready.peerId}/echo` })
  forward = { host: '127.0.0.1', port: Number(listen.split(':').at(-1)) }
}, 2 * patience)

afterAll(async () => {
  await mesh.close()
  wire.stop()
  echo.close()
})

/** A connection of a program, from its opening to the first byte of the answer. @returns false where it was refused */
const ask = async (): Promise<boolean> => {
  const socket = connect({ ...forward, noDelay: true })
  socket.write('x')
  try {
    await once(socket, 'data', { signal: AbortSignal.timeout(patience) })
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

it(
  'a tunnel to a peer in use costs one round trip, from its opening to the first byte of the answer',
  async () => {
    const { connections } = wire
    // what the two say beside it can only make a count larger
    await vi.waitFor(async () => {
      const before = wire.roundTrips
      expect(await ask()).toBe(true)
      expect(wire.roundTrips - before).toBe(1)
    }, patience)
    expect(wire.connections).toBe(connections)
  },
  2 * patience
)

it(
  'the first byte from a peer without a connection comes within four round trips of the connection',
  async () => {
    await vi.waitFor(async () => {
      wire.cut()
      await vi.waitFor(async () => expect(await isConnected()).toBe(false), patience)
      wire.mend()
      await vi.waitFor(async () => expect(await ask()).toBe(true), patience)
      expect(wire.roundTrips).toBeLessThanOrEqual(4)
    }, patience)
  },
  4 * patience
)
