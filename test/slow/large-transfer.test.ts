import { beforeAll, expect, test } from 'vitest'
import { createMesh, type Mesh } from '../e2e/harness/mesh.ts'
import { startTcpOrigin } from '../e2e/harness/origins/tcp-origin.ts'
import { digestOf, seededSha256, seededStream } from '../e2e/harness/seeded-bytes.ts'
import { openSocket } from '../e2e/harness/tcp-client.ts'

const sizeBytes = 1024 ** 3
const mostRssBytes = 220_000_000

let mesh: Mesh<'alice' | 'bob'>
/** A second try finds the service of the first one. */
let tries = 0

beforeAll(async () => {
  mesh = await createMesh({ members: ['alice', 'bob'] })
})

test('1 GiB through one tunnel: the same bytes, and no node above 220 MB', async () => {
  const origin = await startTcpOrigin('alice-gib', (socket) => {
    seededStream(21, sizeBytes).pipe(socket)
    socket.resume()
  })
  const service = `gib-${++tries}`
  await mesh.alice.serve(`${service}=tcp://127.0.0.1:${origin.port}`)
  const { port } = await mesh.bob.forward(`alice/${service}`)
  const socket = await openSocket({ host: '127.0.0.1', port })
  const startedMs = performance.now()
  const seen = await digestOf(socket)
  const seconds = (performance.now() - startedMs) / 1000
  socket.end()
  expect(seen).toEqual({ sizeBytes, sha256: seededSha256(21, sizeBytes) })
  const peaks = { alice: mesh.alice.peakRssBytes, bob: mesh.bob.peakRssBytes }
  process.stderr.write(
    `1 GiB in ${seconds.toFixed(1)} s, peak RSS ${Math.round(peaks.alice / 1e6)} MB (sends), ${Math.round(peaks.bob / 1e6)} MB (receives)\n`
  )
  expect(Math.max(peaks.alice, peaks.bob)).toBeLessThanOrEqual(mostRssBytes)
})
