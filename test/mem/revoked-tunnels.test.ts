import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createMesh, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import type { NodeEvent } from '@agent-mesh/wire/api'

let mesh: TestMesh
const servers: Server[] = []

/** How each connection to a service ended, by the name of the service. */
const ends: string[] = []

const startEcho = async (name: string): Promise<string> => {
  const server = createServer((socket) => {
    socket.on('error', (err) => ends.push(`${name}: ${'code' in err ? String(err.code) : err.message}`))
    socket.on('end', () => ends.push(`${name}: end`))
    socket.pipe(socket)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a server on a port has one
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
}

beforeAll(async () => {
  mesh = await createMesh(['alice', 'bob', 'carol'])
})
afterAll(async () => {
  await mesh.close()
  for (const server of servers) server.close()
})

/** A connection of a program through a forward, which has carried something both ways. */
const talk = async ({ node }: MeshMember, target: string): Promise<{ socket: Socket; ended: Promise<string> }> => {
  const { listen } = await node.addForward({ listen: '127.0.0.1:0', target })
  const [host, port] = listen.split(':')
  const socket = connect({ host: host ?? '', port: Number(port) })
  const ended = new Promise<string>((resolve) => {
    socket.once('error', (err) => resolve('code' in err ? String(err.code) : err.message))
    socket.once('end', () => resolve('end'))
  })
  socket.write('hello')
  expect(String((await once(socket, 'data'))[0])).toBe('hello')
  return { socket, ended }
}

it('tunnels of a revoked member end with REVOKED at both ends, and programs see a reset', async () => {
  const [alice, bob, carol] = mesh.members
  if (alice === undefined || bob === undefined || carol === undefined) throw new Error('three members')
  const closed = new Map<string, NodeEvent[]>()
  for (const { name, node } of mesh.members) {
    closed.set(name, [])
    node.onEvent((event) => {
      if (event.event === 'tunnel:closed') closed.get(name)?.push(event)
    })
    await node.serve('echo', { address: await startEcho(name), check: { kind: 'none' } })
  }
  const programs = [
    await talk(bob, 'alice/echo'),
    await talk(alice, 'bob/echo'),
    await talk(bob, 'carol/echo'),
    await talk(carol, 'bob/echo')
  ]
  const kept = await talk(alice, 'carol/echo')
  await alice.node.revoke({ who: 'bob' })
  expect(await Promise.all(programs.map(({ ended }) => ended))).toEqual(programs.map(() => 'ECONNRESET'))
  const codes = (name: string): unknown[] => (closed.get(name) ?? []).map(({ fields }) => fields['code'])
  await vi.waitFor(
    () => {
      expect(codes('alice')).toEqual(['REVOKED', 'REVOKED'])
      expect(codes('carol')).toEqual(['REVOKED', 'REVOKED'])
      expect(codes('bob')).toEqual(['REVOKED', 'REVOKED', 'REVOKED', 'REVOKED'])
    },
    { timeout: 10_000, interval: 20 }
  )
  await vi.waitFor(
    () => {
      expect(ends.toSorted()).toEqual(['alice: ECONNRESET', 'bob: ECONNRESET', 'bob: ECONNRESET', 'carol: ECONNRESET'])
    },
    { timeout: 10_000, interval: 20 }
  )
  kept.socket.write('still here')
  expect(String((await once(kept.socket, 'data'))[0])).toBe('still here')
  kept.socket.destroy()
})
