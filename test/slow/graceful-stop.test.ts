import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { makeScratchDir } from '../e2e/harness/cleanup.ts'
import { readEventStream } from '../e2e/harness/event-stream.ts'
import { createMesh, type Mesh } from '../e2e/harness/mesh.ts'
import { startHttpOrigin, type HttpOrigin } from '../e2e/harness/origins/http-origin.ts'
import { sendForEver, startTcpOrigin } from '../e2e/harness/origins/tcp-origin.ts'
import { openSocket } from '../e2e/harness/tcp-client.ts'
import type { Socket } from 'node:net'

const tunnels = 20
const capability = 'language_processing/translation'

let mesh: Mesh<'alice' | 'bob'>
let origin: HttpOrigin
let web = ''

/** How a connection ends, its bytes read and dropped: `end`, or the code of the error. */
const endOf = async (socket: Socket): Promise<string> => {
  const { promise, resolve } = Promise.withResolvers<string>()
  socket.on('end', () => resolve('end'))
  socket.on('error', (err) => resolve('code' in err ? String(err.code) : err.message))
  socket.on('close', () => resolve('closed'))
  socket.resume()
  return promise
}

beforeEach(async () => {
  const config = join(await makeScratchDir('config'), 'mesh.yaml')
  await writeFile(config, 'drain_timeout: 6s\n')
  mesh = await createMesh({ members: ['alice', 'bob'], up: { alice: { args: ['--config', config] } } })
  origin = await startHttpOrigin('alice-web')
  await mesh.alice.serve(`web=${origin.url}`, capability)
  web = `http://127.0.0.1:${(await mesh.bob.forward('alice/web')).port}`
})

test('a node that stops is no candidate within a second, lets open tunnels finish, takes no new ones, and ends with 0', async () => {
  const { alice, bob } = mesh
  await vi.waitFor(async () => expect(await bob.find(capability)).toHaveLength(1), { timeout: 20_000, interval: 200 })
  const reading = Array.from({ length: tunnels }, () => readEventStream(`${web}/events?count=30&interval=100`))
  await vi.waitFor(() => expect(origin.openEventStreams).toBe(tunnels), { timeout: 10_000 })
  const startedMs = performance.now()
  const stopping = alice.stop()
  await vi.waitFor(async () => expect((await bob.client.find({ query: capability })).candidates).toEqual([]), {
    timeout: 5_000,
    interval: 20
  })
  expect(performance.now() - startedMs).toBeLessThan(1_000)
  const seen = await Promise.all(reading)
  for (const { ids } of seen) expect(ids).toHaveLength(30)
  expect(await stopping).toBe(0)
  expect(performance.now() - startedMs).toBeLessThan(10_000)
  await expect(fetch(web)).rejects.toThrow('fetch failed')
})

test('what does not finish in time is reset, never ended, and the node still ends with 0', async () => {
  const { alice, bob } = mesh
  const source = await startTcpOrigin('s', sendForEver)
  await alice.serve(`source=tcp://127.0.0.1:${source.port}`)
  const { port } = await bob.forward('alice/source')
  const sockets = await Promise.all(Array.from({ length: tunnels }, () => openSocket({ host: '127.0.0.1', port })))
  const endings = sockets.map(async (socket) => endOf(socket))
  for (const socket of sockets) socket.write('x')
  await vi.waitFor(() => expect(source.open).toBe(tunnels), { timeout: 10_000 })
  const startedMs = performance.now()
  expect(await alice.stop()).toBe(0)
  expect(performance.now() - startedMs).toBeLessThan(10_000)
  expect(await Promise.all(endings)).toEqual(Array.from({ length: tunnels }, () => 'ECONNRESET'))
})
