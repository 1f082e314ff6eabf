import { createServer } from 'node:http'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createMesh, type TestMesh } from '@agent-mesh/testkit'
import { protocols } from '@agent-mesh/wire'

let mesh: TestMesh
const server = createServer((_request, response) => {
  response.end('alice')
})

beforeAll(async () => {
  mesh = await createMesh(['alice', 'bob'])
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(async () => {
  await mesh.close()
  server.close()
})

describe('the paths of a node', () => {
  it('are measured by echoes on the connection that tunnels take, and are named with each peer', async () => {
    const [alice, bob] = mesh.members
    if (alice === undefined || bob === undefined) throw new Error('two members')
    await vi.waitFor(async () => expect(await bob.connected()).toHaveLength(1), 10_000)
    const signal = AbortSignal.timeout(10_000)
    const reply = await bob.node.ping({ target: alice.node.ready.peerId, isWaitingForBetter: true }, { signal })
    expect(reply).toMatchObject({ path: 'local' })
    expect(reply.pathReason).toBeUndefined()
    expect(reply.rttMs).toBeLessThan(1_000)
    const streams = bob
      .host()
      .getConnections()
      .flatMap((connection) => connection.streams)
    expect(streams.map(({ protocol }) => protocol)).toContain(protocols(bob.node.ready.network).echo)
    expect(await bob.connected()).toMatchObject([{ path: 'local', rttMs: reply.rttMs }])
  })

  it('are opened again when a connection in use breaks: the next request goes through', async () => {
    const [alice, bob] = mesh.members
    if (alice === undefined || bob === undefined) throw new Error('two members')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    await alice.node.serve('web', { address: `http://127.0.0.1:${address.port}` })
    const { listen } = await bob.node.addForward({
      listen: '127.0.0.1:0',
      target: `${alice.node.ready.peerId}/web`
    })
    expect(await (await fetch(`http://${listen}/`)).text()).toBe('alice')
    for (const connection of bob.host().getConnections()) connection.abort(new Error('cut'))
    expect(await (await fetch(`http://${listen}/`)).text()).toBe('alice')
  })
})
