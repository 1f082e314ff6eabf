import { beforeAll, expect, test, vi } from 'vitest'
import { createMesh, type Mesh } from '../e2e/harness/mesh.ts'
import { echoBytes, startTcpOrigin } from '../e2e/harness/origins/tcp-origin.ts'
import { openDescriptors } from '../e2e/harness/proc.ts'
import { seededBytes, sha256 } from '../e2e/harness/seeded-bytes.ts'
import { openSocket, readToEnd } from '../e2e/harness/tcp-client.ts'

const tunnels = 200
const sizeBytes = 1024 * 1024

let mesh: Mesh<'alice' | 'bob'>

beforeAll(async () => {
  mesh = await createMesh({ members: ['alice', 'bob'] })
})

test(`${tunnels} tunnels at once carry 1 MiB both ways to the byte, and leave nothing open`, async () => {
  const { alice, bob } = mesh
  const origin = await startTcpOrigin('alice-echo', echoBytes)
  await alice.serve(`echo=tcp://127.0.0.1:${origin.port}`)
  const { port } = await bob.forward('alice/echo')
  const before = { alice: openDescriptors(alice.pid), bob: openDescriptors(bob.pid) }
  const startedMs = performance.now()
  const sockets = await Promise.all(Array.from({ length: tunnels }, () => openSocket({ host: '127.0.0.1', port })))
  const results = await Promise.all(
    sockets.map(async (socket, i) => {
      const body = seededBytes(i, sizeBytes)
      const reading = readToEnd(socket)
      socket.end(body)
      const { received, isClean, error } = await reading
      return isClean && sha256(received) === sha256(body)
        ? 'whole'
        : `tunnel ${i}: ${received.length} bytes, clean ${isClean}, ${error}`
    })
  )
  process.stderr.write(
    `${tunnels} tunnels of 1 MiB both ways in ${((performance.now() - startedMs) / 1000).toFixed(1)} s\n`
  )
  expect(results.filter((result) => result !== 'whole')).toEqual([])
  for (const node of [alice, bob]) {
    await vi.waitFor(async () => expect((await node.status()).tunnels.open).toBe(0), { timeout: 15_000, interval: 250 })
  }
  await vi.waitFor(() => expect(origin.open).toBe(0), { timeout: 15_000 })
  // A few may differ: connections of the command itself, files of the peer store.
  await vi.waitFor(
    () => {
      expect(openDescriptors(alice.pid)).toBeLessThanOrEqual(before.alice + 5)
      expect(openDescriptors(bob.pid)).toBeLessThanOrEqual(before.bob + 5)
    },
    { timeout: 15_000, interval: 250 }
  )
})
