import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createMesh, seededRandom, type MeshMember, type TestMesh } from '@agent-mesh/testkit'

const seed = Number(process.env['MESH_SEED'] ?? 20_261_122)
const capability = 'test/work'
const runs = 300
/** Standard deviations that a share may be off: one run in a hundred thousand is. */
const sigmas = 4.5

let mesh: TestMesh
let caller: MeshMember
const agents: MeshMember[] = []
const sockets = new Set<Socket>()
const server = createServer((socket) => {
  sockets.add(socket)
  socket.on('error', () => {})
  socket.on('close', () => sockets.delete(socket))
})

const until = AbortSignal.timeout(110_000)

/** Opens one tunnel. */
const open = async (target: string) => caller.node.connect(target, { signal: until })

/** How many of so many tunnels, one after the other, each agent got. */
const share = async (): Promise<Map<string, number>> => {
  const counts = new Map(agents.map(({ name }) => [name, 0]))
  for (let i = 0; i < runs; i++) {
    const { tunnel, peerId } = await open(`cap:${capability}`)
    const name = agents.find(({ node }) => node.ready.peerId === peerId)?.name ?? `a stranger: ${peerId}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
    tunnel.destroy()
    await once(tunnel, 'close')
  }
  return counts
}

beforeAll(async () => {
  console.log(`seed ${seed}`)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  mesh = await createMesh(['agent-0'])
  agents.push(...mesh.members)
  for (const name of ['agent-1', 'agent-2']) agents.push(await mesh.add(name))
  for (const { node } of agents)
    await node.serve('work', { address: `tcp://127.0.0.1:${address.port}`, capabilities: [capability] })
  caller = await mesh.add('caller', { bootstrap: agents, random: seededRandom(seed).next })
  await vi.waitFor(async () => expect(await caller.connected()).toHaveLength(agents.length), 20_000)
  // two of the three would be chosen from until the third one's record is here
  await vi.waitFor(
    async () =>
      expect((await caller.node.find({ query: capability }, { signal: until })).candidates).toHaveLength(agents.length),
    20_000
  )
})
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  await mesh.close()
  server.close()
})

describe('three equal agents', () => {
  it('get equal shares of what one caller wants', async () => {
    const { candidates } = await caller.node.find({ query: capability }, { signal: until })
    expect(candidates.map(({ standing }) => standing?.tier)).toEqual([0, 0, 0])
    const counts = await share()
    const deviation = Math.sqrt((runs / 3) * (2 / 3))
    for (const [name, count] of counts)
      expect(Math.abs(count - runs / 3), `${name}: ${count} of ${runs}, seed ${seed}`).toBeLessThan(sigmas * deviation)
    expect(counts.size).toBe(3)
  })

  it('of which one is busy: it gets none while the others are idle', async () => {
    const [busy] = agents
    if (busy === undefined) throw new Error('three agents')
    const { tunnel } = await open(`${busy.name}/work`)
    const counts = await share()
    tunnel.destroy()
    expect([busy.name, counts.get(busy.name)]).toEqual([busy.name, 0])
    expect(Math.min(...agents.slice(1).map(({ name }) => counts.get(name) ?? 0))).toBeGreaterThan(runs / 3)
  })
})
