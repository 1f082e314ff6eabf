import { createSocket } from 'node:dgram'
import { afterEach, expect, it, vi } from 'vitest'
import { createMesh, type TestMesh } from '@agent-mesh/testkit'

let mesh: TestMesh
afterEach(async () => mesh.close())
const signal = (): AbortSignal => AbortSignal.timeout(15_000)

it('says what members see over UDP, and whose answer it was', async () => {
  mesh = await createMesh(['founder'])
  const [founder] = mesh.members
  if (founder === undefined) throw new Error('a founder')
  const server = await mesh.add('server', { settings: 'stun: { serve: on }' })
  const asker = await mesh.add('asker', { bootstrap: [founder, server] })
  await vi.waitFor(async () => expect((await asker.node.peers()).length).toBe(2), 15_000)
  const found = await asker.node.netcheck({ signal: signal() })
  const [endpoint = ''] = (await server.node.netcheck({ signal: signal() })).stun.endpoints
  expect(found).toMatchObject({ udp: 'works', mapping: 'none', relays: [], stun: { endpoints: [] } })
  const answered = found.servers.filter(({ mapped }) => mapped !== undefined)
  expect(answered).toMatchObject([{ server: endpoint, peerId: server.node.ready.peerId, name: 'server' }])
  expect(answered[0]?.mapped).toMatch(/^127\.0\.0\.1:\d+$/)
  // the founder serves nobody on the loopback, which is no public address
  expect(found.servers.find(({ name }) => name === 'founder')?.mapped).toBeUndefined()
  expect(await server.node.netcheck({ signal: signal() })).toMatchObject({ stun: { answered: 1 } })
})

it('closes its UDP port with the node', async () => {
  mesh = await createMesh(['founder'])
  const server = await mesh.add('server', { settings: 'stun: { serve: on }' })
  const [endpoint = ''] = (await server.node.netcheck({ signal: signal() })).stun.endpoints
  await server.node.stop()
  const port = Number(endpoint.split(':')[1])
  const socket = createSocket('udp4')
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(port, '127.0.0.1', resolve)
  })
  socket.close()
})

const on = (host: string): string[] => [`/ip4/${host}/tcp/0`]

it('says whom the gateway lets in where members on two hosts send to it, and names the kind', async () => {
  mesh = await createMesh(['founder'])
  const settings = 'stun: { serve: on }\nunderlay: { echoes: on }'
  const one = await mesh.add('one', { settings })
  const two = await mesh.add('two', { settings })
  await two.restart({ listen: on('127.0.0.2') })
  const asker = await mesh.add('asker', { bootstrap: [one, two] })
  await vi.waitFor(async () => {
    const found = await asker.node.netcheck({ signal: signal() })
    expect(found).toMatchObject({ mapping: 'none', filtering: 'endpoint-independent', kind: 'open' })
    expect(found.filteringReason).toBeUndefined()
  }, 60_000)
  // With one of them alone nothing is guessed.
  await two.stop()
  const alone = await asker.node.netcheck({ signal: signal() })
  expect(alone).toMatchObject({ filtering: 'unknown', kind: 'unknown' })
  expect(alone.filteringReason).toMatch(/two hosts/)
})

it('says so where members answer and do not send what they are asked for', async () => {
  mesh = await createMesh(['founder'])
  const settings = 'stun: { serve: on }\nunderlay: { echoes: off }'
  const one = await mesh.add('one', { settings })
  const two = await mesh.add('two', { settings })
  await two.restart({ listen: on('127.0.0.2') })
  const asker = await mesh.add('asker', { bootstrap: [one, two] })
  await vi.waitFor(async () => {
    const found = await asker.node.netcheck({ signal: signal() })
    expect(found).toMatchObject({ mapping: 'none', filtering: 'unknown', kind: 'unknown' })
    expect(found.filteringReason).toMatch(/did not send/)
  }, 60_000)
})
