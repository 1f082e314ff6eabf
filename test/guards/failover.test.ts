import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createMesh, seededRandom, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import { connectedTo, serveAnswers, type Answering } from './harness/answering.ts'
import { inForm } from './harness/form.ts'

/**
 * While four of five agents with one capability are killed one after the other under 20 requests a second, every request
 * after the detection bound is answered by a living one, and none ever by an agent that it was not meant for. A sixth
 * agent has a service of the same name without the capability. Each answer carries the peer id of the agent that gave it.
 */
const seed = Number(process.env['MESH_SEED'] ?? 20_261_122)
const capability = 'test/answers'
const requestsPerSecond = 20
const betweenKillsMs = inForm({ short: 4_000, full: 15_000 })
/** A killed process takes its connections with it, which its neighbours notice at once; the rest is a busy machine. */
const detectionMs = 2_000

interface Reply {
  /** When it was asked. */
  atMs: number
  tookMs: number
  peerId?: string
  error?: string
}

let mesh: TestMesh
let caller: MeshMember
const agents: MeshMember[] = []
const services: Answering[] = []

beforeAll(async () => {
  console.log(`seed ${seed}`)
  const random = seededRandom(seed)
  mesh = await createMesh(['decoy'])
  for (let i = 0; i < 5; i++) agents.push(await mesh.add(`agent-${i}`))
  caller = await mesh.add('caller', { bootstrap: [...mesh.members], random: random.next })
  const [decoy] = mesh.members
  if (decoy === undefined) throw new Error('a mesh has its founder')
  services.push(await serveAnswers(decoy))
  for (const agent of agents) services.push(await serveAnswers(agent, [capability]))
  await vi.waitFor(async () => expect(await connectedTo(caller)).toHaveLength(6), 30_000)
  await vi.waitFor(async () => expect(await found()).toHaveLength(5), 30_000)
})
afterAll(async () => {
  await mesh.close()
  for (const service of services) service.stop()
})

const found = async (): Promise<string[]> => {
  const { candidates } = await caller.node.find({ query: capability }, { signal: AbortSignal.timeout(30_000) })
  return candidates.map(({ peerId }) => peerId)
}

it('every request after the detection bound goes to a living agent, and none to a wrong one', async () => {
  const { listen } = await caller.node.addForward({ listen: '127.0.0.1:0', target: `cap:${capability}` })
  const replies: Reply[] = []
  const asking: Array<Promise<void>> = []
  const ask = async (): Promise<void> => {
    const atMs = performance.now()
    const outcome = await fetch(`http://${listen}/`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(15_000)
    }).then(
      async (response) => ({ peerId: await response.text() }),
      (err: unknown) => ({ error: String(err instanceof Error ? (err.cause ?? err) : err) })
    )
    replies.push({ atMs, tookMs: performance.now() - atMs, ...outcome })
  }
  const timer = setInterval(() => void asking.push(ask()), 1_000 / requestsPerSecond)
  const killedMs = new Map<string, number>()
  const pause = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, betweenKillsMs))
  try {
    await pause()
    for (const victim of agents.slice(0, 4)) {
      killedMs.set(victim.node.ready.peerId, performance.now())
      await victim.kill()
      await pause()
    }
  } finally {
    clearInterval(timer)
  }
  await Promise.all(asking)

  // What is under way when an agent is killed may be cut with it.
  const isAfterBound = ({ atMs, tookMs }: Reply): boolean =>
    [...killedMs.values()].every((killMs) => atMs + tookMs < killMs || atMs > killMs + detectionMs)
  const offering = new Set(agents.map(({ node }) => node.ready.peerId))
  const wrong = replies.filter(({ peerId }) => peerId !== undefined && !offering.has(peerId))
  const fromTheDead = replies.filter(
    ({ atMs, peerId }) => peerId !== undefined && atMs > (killedMs.get(peerId) ?? Infinity) + detectionMs
  )
  const failed = replies.filter(({ error }) => error !== undefined)
  const slowest = Math.max(...replies.filter(isAfterBound).map(({ tookMs }) => tookMs))
  const shares = Map.groupBy(
    replies.filter(({ atMs }) => atMs < Math.min(...killedMs.values())),
    ({ peerId = 'none' }) => peerId
  )
  console.log(
    `${replies.length} requests, ${failed.length} failed, ${failed.filter(isAfterBound).length} of them after the bound of ${detectionMs} ms; ` +
      `${wrong.length} wrong; slowest after the bound ${slowest.toFixed(0)} ms; before the first kill ${[...shares.values()].map((all) => all.length).join(', ')}`
  )
  expect(replies.length).toBeGreaterThan((5 * betweenKillsMs * requestsPerSecond) / 1_000 / 2)
  expect(wrong).toEqual([])
  expect(fromTheDead).toEqual([])
  expect(failed.filter(isAfterBound)).toEqual([])
  expect(shares.size, 'agents that answered before the first was killed').toBeGreaterThan(1)
  expect(services[0]?.connections(), 'connections that reached the decoy').toBe(0)
})
