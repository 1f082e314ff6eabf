import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createMesh, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import type { WhyResponse } from '@agent-mesh/wire/api'

let mesh: TestMesh
let alice: MeshMember
let bob: MeshMember
let carol: MeshMember
let accepted = 0
const server = createServer((socket) => {
  accepted += 1
  socket.on('error', () => {})
  socket.resume()
})

const portOf = (): number => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

const ask = async (member: MeshMember, target: string, from?: string): Promise<WhyResponse> =>
  member.node.why({ target, ...(from === undefined ? {} : { from }) }, { signal: AbortSignal.timeout(30_000) })

/** The one layer that fails, after a look at the shape of the whole answer. */
const failing = async (member: MeshMember, target: string, from?: string): Promise<WhyResponse['failed']> => {
  const answer = await ask(member, target, from)
  expect(answer.steps.map(({ layer }) => layer)).toEqual([
    'name',
    'record',
    'certificate',
    'revocation',
    'policy',
    'health',
    'addresses',
    'path',
    'service',
    'allow',
    'upstream'
  ])
  const first = answer.steps.findIndex(({ verdict }) => verdict === 'failed')
  expect(answer.steps.slice(first + 1).every(({ text }) => text === 'not reached')).toBe(first !== -1)
  expect(answer.failed?.command).toMatch(/\S/)
  return answer.failed
}

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  mesh = await createMesh(['alice', 'bob', 'carol', 'dave'])
  const [first, second, third] = mesh.members
  if (first === undefined || second === undefined || third === undefined) throw new Error('three members')
  ;[alice, bob, carol] = [first, second, third]
  await alice.node.serve('web', { address: `tcp://127.0.0.1:${portOf()}`, check: { kind: 'none' } })
  await alice.node.serve('ops', { address: `tcp://127.0.0.1:${portOf()}`, allow: ['bob'], check: { kind: 'none' } })
  await alice.node.serve('down', { address: 'tcp://127.0.0.1:1' })
  await vi.waitFor(async () => expect(await alice.connected()).toHaveLength(3), 10_000)
})
afterAll(async () => {
  await mesh.close()
  server.close()
})

describe('why', () => {
  it('finds nothing wrong with what works, and leaves nothing open', async () => {
    const answer = await ask(bob, 'alice/web')
    expect(answer).toMatchObject({ verdict: 'ok', target: 'alice/web' })
    expect(answer.failed).toBeUndefined()
    expect(answer.steps.filter(({ verdict }) => verdict === 'failed')).toEqual([])
    expect(answer.steps.at(-1)).toMatchObject({ layer: 'upstream', verdict: 'ok' })
    expect(accepted).toBe(1)
    await vi.waitFor(async () => expect((await alice.node.status()).tunnels.open).toBe(0), 5_000)
  })

  it('names the name that nobody has', async () => {
    expect(await failing(bob, 'nobody/web')).toMatchObject({ layer: 'name', code: 'NAME_UNKNOWN' })
  })

  it('names the service that is not offered', async () => {
    expect(await failing(bob, 'alice/nothing')).toMatchObject({ layer: 'service', code: 'SERVICE_UNKNOWN' })
    expect(await failing(alice, 'alice/nothing', 'bob')).toMatchObject({ layer: 'service', code: 'SERVICE_UNKNOWN' })
  })

  it('names serve --allow, on both sides, and the service sees nobody', async () => {
    const before = accepted
    const rule = 'serve --allow names only bob'
    expect(await failing(carol, 'alice/ops')).toMatchObject({
      layer: 'allow',
      code: 'DENIED',
      command: 'mesh-node why alice/ops --from carol, on the node of alice',
      details: { layer: 'allow', rule }
    })
    expect(await failing(alice, 'alice/ops', 'carol')).toMatchObject({
      layer: 'allow',
      code: 'DENIED',
      details: { rule }
    })
    expect(accepted).toBe(before)
    expect(await ask(alice, 'alice/ops', bob.node.ready.peerId)).toMatchObject({ verdict: 'ok' })
    expect(await ask(bob, 'alice/ops')).toMatchObject({ verdict: 'ok' })
  })

  it('names the program behind the service, and keeps its address from the caller', async () => {
    const seen = await failing(bob, 'alice/down')
    expect(seen).toMatchObject({ layer: 'upstream', code: 'UPSTREAM_REFUSED' })
    expect(JSON.stringify(seen)).not.toContain('127.0.0.1')
    const own = await failing(alice, 'alice/down', 'bob')
    expect(own).toMatchObject({ layer: 'upstream', code: 'UPSTREAM_REFUSED' })
    expect(own?.text).toContain('127.0.0.1:1')
  })

  it('sends --from to the node that decides', async () => {
    const step = await failing(bob, 'alice/web', 'carol')
    expect(step).toMatchObject({
      layer: 'name',
      code: 'USAGE',
      command: 'mesh-node why alice/web --from carol, on the node that serves it'
    })
  })

  it('names the record that an agent took back', async () => {
    const dave = mesh.members[3]
    if (dave === undefined) throw new Error('four members')
    const { peerId } = dave.node.ready
    await dave.stop()
    await vi.waitFor(
      async () => expect(await failing(bob, `${peerId}/web`)).toMatchObject({ layer: 'record', code: 'PEER_UNKNOWN' }),
      { timeout: 20_000, interval: 500 }
    )
  })

  it('refuses what is no target', async () => {
    await expect(ask(bob, 'Not A Target')).rejects.toMatchObject({ code: 'TARGET_INVALID' })
  })
})
