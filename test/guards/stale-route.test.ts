import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createMesh, createStranger, createTestNetwork, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import { protocols } from '@agent-mesh/wire'
import { connectedTo, serveAnswers, type Answering } from './harness/answering.ts'

/**
 * Whoever takes the address of an agent that died, another member, a member of another network or a stranger, is
 * delivered nothing: the caller is told STALE_ROUTE. The agent is found at its next address under the same target.
 */
let mesh: TestMesh
let alice: MeshMember
let bob: MeshMember
let service: Answering
let address: string

const cleanUps: Array<() => unknown> = []

beforeAll(async () => {
  mesh = await createMesh(['holder', 'bob', 'alice', 'taker'])
  const [, second, third] = mesh.members
  if (second === undefined || third === undefined) throw new Error('four members')
  ;[bob, alice] = [second, third]
  service = await serveAnswers(alice)
  // so that bob has a record of alice, and the holder too
  await vi.waitFor(
    async () =>
      expect(
        (await bob.node.find({ query: 'alice' }, { signal: AbortSignal.timeout(10_000) })).candidates[0]?.services
      ).toHaveLength(1),
    20_000
  )
  address = alice.node.ready.addresses[0]?.replace(/\/p2p\/.*$/, '') ?? ''
  await alice.kill()
  // its address may be dialled again: somebody else answers there
  mesh.partition.rejoin('alice')
  await vi.waitFor(async () => expect(await connectedTo(bob)).not.toContain('alice'), 20_000)
})
afterAll(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
  await mesh.close()
  service.stop()
})

/** Each takes the address, and counts what reaches it there. */
const takers: Array<[string, () => Promise<{ arrivals: () => number; leave: () => Promise<void> }>]> = [
  [
    'another member',
    async () => {
      const taker = mesh.members.find(({ name }) => name === 'taker')
      if (taker === undefined) throw new Error('four members')
      await taker.restart({ listen: [address] })
      const taken = await serveAnswers(taker)
      cleanUps.push(taken.stop)
      return { arrivals: taken.connections, leave: taker.stop }
    }
  ],
  [
    'a member of another network',
    async () => {
      const other = await createMesh(['alice'])
      cleanUps.push(other.close)
      const [taker] = other.members
      if (taker === undefined) throw new Error('one member')
      await taker.restart({ listen: [address] })
      const taken = await serveAnswers(taker)
      cleanUps.push(taken.stop)
      return { arrivals: taken.connections, leave: taker.stop }
    }
  ],
  [
    'a stranger',
    async () => {
      const networkId = bob.node.ready.network
      const { networkKey } = await createTestNetwork()
      const stranger = await createStranger({ network: { networkId, networkKey }, listen: [address] })
      cleanUps.push(stranger.stop)
      let arrivals = 0
      const arrive = (): void => {
        arrivals += 1
      }
      stranger.libp2p.addEventListener('connection:open', arrive)
      await stranger.libp2p.handle(protocols(networkId).tunnel, arrive)
      return { arrivals: () => arrivals, leave: stranger.stop }
    }
  ]
]

it.each(takers)('%s at the address of a dead agent gets nothing', async (_who, take) => {
  const { arrivals, leave } = await take()
  const { listen } = await bob.node.addForward({ listen: '127.0.0.1:0', target: 'alice/web' })
  for (const target of ['alice/web', `${alice.node.ready.peerId}/web`]) {
    await expect(bob.node.connect(target, { signal: AbortSignal.timeout(20_000) })).rejects.toMatchObject({
      code: 'STALE_ROUTE'
    })
  }
  await expect(fetch(`http://${listen}/`, { method: 'POST', body: 'for alice alone' })).rejects.toThrow(/fetch failed/)
  expect(bob.node.forwards().find((one) => one.listen === listen)?.lastError?.code).toBe('STALE_ROUTE')
  await bob.node.removeForward(listen)
  expect(arrivals()).toBe(0)
  await leave()
})

it('the agent that comes back elsewhere is resolved again, and answers itself', async () => {
  // A node takes its port again where it can.
  const squatter = createServer()
  squatter.listen(Number(address.split('/').at(-1)), '127.0.0.1')
  await once(squatter, 'listening')
  cleanUps.push(() => squatter.close())
  await alice.restart({ listen: ['/ip4/127.0.0.1/tcp/0'] })
  expect(alice.node.ready.addresses[0]).not.toContain(`${address}/`)
  const { listen } = await bob.node.addForward({ listen: '127.0.0.1:0', target: 'alice/web' })
  await vi.waitFor(async () => expect(await (await fetch(`http://${listen}/`)).text()).toBe(alice.node.ready.peerId), {
    timeout: 20_000,
    interval: 500
  })
})
