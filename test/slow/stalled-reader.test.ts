import { setTimeout as wait } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { createMesh, type Mesh } from '../e2e/harness/mesh.ts'
import { startHttpOrigin } from '../e2e/harness/origins/http-origin.ts'
import { startTcpOrigin } from '../e2e/harness/origins/tcp-origin.ts'
import { digestOf, seededSha256, seededStream } from '../e2e/harness/seeded-bytes.ts'
import { openSocket } from '../e2e/harness/tcp-client.ts'
import type { Socket } from 'node:net'

const stallMs = 30_000
const sizeBytes = 256 * 1024 * 1024
const mostGrowthBytes = 64 * 1024 * 1024

let mesh: Mesh<'alice' | 'bob'>

beforeAll(async () => {
  mesh = await createMesh({ members: ['alice', 'bob'] })
})

test('a reader that stops for 30 s stops its sender, costs no memory, holds up nobody else, and loses nothing', async () => {
  const { alice, bob } = mesh
  let sender: Socket | undefined
  const origin = await startTcpOrigin('alice-source', (socket) => {
    sender = socket
    seededStream(31, sizeBytes).pipe(socket)
    socket.resume()
  })
  const web = await startHttpOrigin('alice-web')
  await alice.serve(`source=tcp://127.0.0.1:${origin.port}`)
  await alice.serve(`web=${web.url}`)
  const other = await bob.forward('alice/web')
  const { port } = await bob.forward('alice/source')
  const rssBefore = { alice: alice.rssBytes, bob: bob.rssBytes }
  const growth = { alice: 0, bob: 0 }
  const socket = await openSocket({ host: '127.0.0.1', port })
  socket.pause()

  // Not a wait for something to happen: that nothing happens for this long is what is tested.
  const sent: number[] = []
  for (let second = 0; second < stallMs / 1000; second++) {
    await wait(1_000)
    expect(await (await fetch(`http://127.0.0.1:${other.port}/`)).text()).toBe('alice-web\n')
    sent.push(sender?.bytesWritten ?? 0)
    growth.alice = Math.max(growth.alice, alice.rssBytes - rssBefore.alice)
    growth.bob = Math.max(growth.bob, bob.rssBytes - rssBefore.bob)
  }
  process.stderr.write(
    `stalled: sender stopped after ${((sent.at(-1) ?? 0) / 2 ** 20).toFixed(1)} MiB, RSS grew by ${Math.round(growth.alice / 2 ** 20)} MiB (sends), ${Math.round(growth.bob / 2 ** 20)} MiB (receives)\n`
  )
  expect(sent.at(-1)).toBeGreaterThan(0)
  expect(sent.at(-1)).toBeLessThan(sizeBytes)
  expect(new Set(sent.slice(5)).size).toBe(1)
  expect(Math.max(growth.alice, growth.bob)).toBeLessThanOrEqual(mostGrowthBytes)

  expect(await digestOf(socket)).toEqual({ sizeBytes, sha256: seededSha256(31, sizeBytes) })
  socket.end()
})
