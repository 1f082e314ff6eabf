import { afterEach, expect, test } from 'vitest'
import { seededRandom, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import { atRest, createCrowd, livingSeenBy, quantile, viewOf, waitUntil, type Health } from './harness/crowd.ts'
import type { MeshProcess } from '../e2e/harness/mesh-process.ts'
import { inForm } from './harness/form.ts'
import { createProcessCrowd } from './harness/process-crowd.ts'

/** One of many real nodes dies without a word: it is dead at 95 % of the others within 10 s and at 99 % within 20 s, and nobody else is. */
const size = inForm({ short: 12, full: 50 })
const processes = inForm({ short: 6, full: 16 })
const seed = Number(process.env['MESH_SEED'] ?? Date.now() % 1_000_000)

let mesh: TestMesh | undefined
afterEach(async () => mesh?.close())

/** When each of them first saw a member dead, in milliseconds from the start; those that did not are left out. */
const deathsSeen = async (watchers: MeshMember[], name: string, startedMs: number): Promise<number[]> => {
  const deaths = new Map<string, number>()
  await waitUntil(
    async () => {
      for (const one of watchers) {
        const health = (await viewOf(one)).get(name)
        if (health?.state === 'dead') deaths.set(one.name, health.sinceMs - startedMs)
      }
      return deaths.size === watchers.length
    },
    // each says since when; to ask all of them about all others is work for the core that they share
    { withinMs: 40_000, everyMs: 2_000 }
  )
  return [...deaths.values()]
}

const judge = (deaths: readonly number[], watchers: number): void => {
  const [p95, p99] = [quantile(deaths, 0.95), quantile(deaths, 0.99)]
  console.log(
    `dead at ${deaths.length} of ${watchers}: first ${Math.min(...deaths)} ms, p50 ${quantile(deaths, 0.5)} ms, p95 ${p95} ms, p99 ${p99} ms`
  )
  expect(deaths.length).toBe(watchers)
  expect(p95).toBeLessThanOrEqual(10_000)
  expect(p99).toBeLessThanOrEqual(20_000)
}

test(`one of ${size} nodes dies without a word`, async () => {
  console.log(`MESH_SEED=${seed}`)
  mesh = await createCrowd(size)
  const { members } = mesh
  const haveMet = async (): Promise<boolean> =>
    (await Promise.all(members.map(async (one) => livingSeenBy(one)))).every((count) => count === size - 1)
  expect(await waitUntil(haveMet, { withinMs: 120_000 })).toBeDefined()
  await atRest()

  const victim = seededRandom(seed).pick(members)
  const watchers = members.filter((one) => one !== victim)
  const startedMs = Date.now()
  await victim.kill()
  const deaths = await deathsSeen(watchers, victim.name, startedMs)
  const views = await Promise.all(watchers.map(async (one) => viewOf(one)))
  const reasons = views.map((view) => view.get(victim.name)?.reason.replace(/^12D3\S+/, 'another member') ?? '')
  const lags = views.flatMap((view) => [...view.values()].map(({ load }) => load?.eventLoopLagMs ?? 0))
  console.log(
    `event loop ${Math.max(...lags)} ms late at most; because ${[...new Set(reasons)].join(' / ')}; degrees ${watchers.map((one) => one.host().getPeers().length).join(' ')}`
  )
  judge(deaths, watchers.length)
  const others = views
    .flatMap((view) => [...view])
    .filter(([name, { state }]) => name !== victim.name && state === 'dead')
  expect(others).toEqual([])
})

const healthOf = async (one: MeshProcess): Promise<Map<string, Health>> =>
  new Map((await one.client.peers()).flatMap(({ name, health }) => (health === undefined ? [] : [[name, health]])))

test(`one of ${processes} processes is killed`, async () => {
  console.log(`MESH_SEED=${seed}`)
  const crowd = await createProcessCrowd(processes)
  const haveMet = async (): Promise<boolean> => {
    for (const one of crowd) {
      const states = [...(await healthOf(one)).values()].map(({ state }) => state)
      if (states.filter((state) => state === 'alive').length < processes - 1) return false
    }
    return true
  }
  expect(await waitUntil(haveMet, { withinMs: 300_000, everyMs: 1_000 })).toBeDefined()
  const victim = seededRandom(seed).pick(crowd)
  const watchers = crowd.filter((one) => one !== victim)
  const startedMs = Date.now()
  await victim.kill()
  const deaths = new Map<string, number>()
  await waitUntil(
    async () => {
      for (const one of watchers.filter(({ name }) => !deaths.has(name))) {
        const health = (await healthOf(one)).get(victim.name)
        if (health?.state === 'dead') deaths.set(one.name, health.sinceMs - startedMs)
      }
      return deaths.size === watchers.length
    },
    { withinMs: 40_000, everyMs: 1_000 }
  )
  judge([...deaths.values()], watchers.length)
  for (const one of watchers)
    for (const [name, { state }] of await healthOf(one)) if (name !== victim.name) expect(state).not.toBe('dead')
})
