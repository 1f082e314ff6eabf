import { beforeAll, expect, test, vi } from 'vitest'
import { createMesh, type Mesh } from './harness/mesh.ts'
import { startHttpOrigin } from './harness/origins/http-origin.ts'
import { internetSockets } from './harness/proc.ts'
import type { MeshProcess } from './harness/mesh-process.ts'

const capability = 'language_processing/translation'
const here = '127.0.0.1'

let mesh: Mesh<'alice' | 'bob' | 'carol'>
let nodes: MeshProcess[] = []

beforeAll(async () => {
  mesh = await createMesh({ members: ['alice', 'bob', 'carol'] })
  nodes = [mesh.alice, mesh.bob, mesh.carol]
  const origin = await startHttpOrigin('alice-web')
  await mesh.alice.serve(`web=${origin.url}`, capability)
  await vi.waitFor(async () => expect(await mesh.carol.find(capability)).toHaveLength(1), {
    timeout: 20_000,
    interval: 200
  })
  const { port } = await mesh.carol.forward('alice/web')
  expect(await (await fetch(`http://${here}:${port}/`)).text()).toBe('alice-web\n')
})

test('nodes at work bind and reach nothing but 127.0.0.1, and use no UDP', () => {
  for (const node of nodes) {
    const sockets = internetSockets(node.pid)
    expect(sockets.filter((socket) => socket.isListening).length).toBeGreaterThan(0)
    expect(sockets.some((socket) => !socket.isListening)).toBe(true)
    for (const { protocol, isListening, local, remote } of sockets) {
      expect({ protocol, local: local.address }).toEqual({ protocol: 'tcp', local: here })
      if (!isListening) expect(remote.address).toBe(here)
    }
  }
})

test('they announce 127.0.0.1 alone, with the port that is bound', async () => {
  for (const node of nodes) {
    const bound = internetSockets(node.pid)
      .filter((socket) => socket.isListening)
      .map(({ local }) => local.port)
    const { addresses } = await node.status()
    expect(addresses.length).toBeGreaterThan(0)
    for (const address of addresses) {
      const [, port] = /^\/ip4\/127\.0\.0\.1\/tcp\/(\d+)(?:\/p2p\/\w+)?$/.exec(address) ?? []
      expect(bound, address).toContain(Number(port))
    }
  }
  const found = await vi.waitFor(async () => {
    const [first] = await mesh.bob.find(capability)
    expect(first?.peerId).toBe(mesh.alice.peerId)
    return first
  }, 20_000)
  expect(found?.addresses.length).toBeGreaterThan(0)
  for (const address of found?.addresses ?? []) expect(address).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+/)
})
