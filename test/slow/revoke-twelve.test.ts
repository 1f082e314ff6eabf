import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createMesh, type Mesh } from '../e2e/harness/mesh.ts'
import type { MeshProcess } from '../e2e/harness/mesh-process.ts'

const others = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7', 'n8', 'n9', 'n10'] as const
const goneWithinMs = 10_000

let mesh: Mesh<'alice' | 'mallory' | (typeof others)[number]>
const server = createServer((socket) => {
  socket.on('error', () => {})
  socket.pipe(socket)
})

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  mesh = await createMesh({ members: ['alice', 'mallory', ...others] })
}, 180_000)
afterAll(() => server.close())

/** A connection through a forward that has carried something both ways. */
const talk = async (through: MeshProcess, target: string): Promise<Socket> => {
  const { port } = await through.forward(target)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const [data] = await Promise.all([once(socket, 'data'), once(socket, 'connect').then(() => socket.write('hello'))])
  expect(String(data[0])).toBe('hello')
  return socket
}

test('at twelve nodes every tunnel of a revoked member is gone within ten seconds, and no other', async () => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const revoked: Array<{ socket: Socket; goneMs: number | undefined }> = []
  const kept: Socket[] = []
  for (const name of others) {
    await mesh[name].serve(`echo=tcp://127.0.0.1:${address.port}`)
    const entry: (typeof revoked)[number] = { socket: await talk(mesh.mallory, `${name}/echo`), goneMs: undefined }
    revoked.push(entry)
    kept.push(await talk(mesh.alice, `${name}/echo`))
  }
  const startedMs = performance.now()
  for (const entry of revoked) entry.socket.once('close', () => (entry.goneMs = performance.now() - startedMs))
  await mesh.alice.run(['revoke', 'mallory', '--reason', 'a drill'])
  await vi.waitFor(() => expect(revoked.every(({ goneMs }) => goneMs !== undefined)).toBe(true), {
    timeout: 3 * goneWithinMs,
    interval: 20
  })
  const slowestMs = Math.max(...revoked.map(({ goneMs = Number.POSITIVE_INFINITY }) => goneMs))
  process.stderr.write(`revoke: the last of ${revoked.length} tunnels was gone after ${slowestMs.toFixed(0)} ms\n`)
  expect(slowestMs).toBeLessThan(goneWithinMs)
  for (const socket of kept) {
    socket.write('still here')
    expect(String((await once(socket, 'data'))[0])).toBe('still here')
    socket.destroy()
  }
  for (const name of others) {
    await vi.waitFor(async () => {
      const peers = await mesh[name].peers()
      expect(peers.map((peer) => peer.peerId)).not.toContain(mesh.mallory.peerId)
    }, goneWithinMs)
  }
}, 180_000)
