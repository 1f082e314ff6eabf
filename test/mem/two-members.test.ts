import { createServer } from 'node:http'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createMesh, type TestMesh } from '@agent-mesh/testkit'

let mesh: TestMesh
const server = createServer((request, response) => {
  response.end(`alice heard ${request.url ?? ''}`)
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

describe('two members', () => {
  it('find and call each other', async () => {
    const [alice, bob] = mesh.members.map((member) => member.node)
    if (alice === undefined || bob === undefined) throw new Error('two members')
    await vi.waitFor(async () => {
      expect(await bob.peers()).toHaveLength(1)
    }, 10_000)
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no port')
    const { port } = address
    const { publication } = await alice.serve('web', {
      address: `http://127.0.0.1:${port}`,
      capabilities: ['language_processing/translation']
    })
    expect(publication).toMatchObject({ storedBy: 1 })
    const signal = AbortSignal.timeout(10_000)
    const { candidates } = await bob.find({ query: 'language_processing' }, { signal })
    expect(candidates).toMatchObject([{ peerId: alice.ready.peerId, name: 'alice', service: 'web' }])
    expect(await bob.dial({ target: alice.ready.peerId }, { signal })).toMatchObject({
      peerId: alice.ready.peerId,
      path: 'local'
    })
    for (const target of ['alice/web', `${alice.ready.peerId}/web`, 'cap:language_processing/translation']) {
      const { listen } = await bob.addForward({ listen: '127.0.0.1:0', target })
      expect(await (await fetch(`http://${listen}/${encodeURIComponent(target)}`)).text()).toBe(
        `alice heard /${encodeURIComponent(target)}`
      )
    }
  })
})
