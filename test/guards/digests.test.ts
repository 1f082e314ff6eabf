import { afterEach, beforeEach, expect, test } from 'vitest'
import type { MeshMember, TestMesh } from '@agent-mesh/testkit'
import { HealthNews } from '@agent-mesh/wire'
import { createCrowd, livingSeenBy, quantile, waitUntil } from './harness/crowd.ts'
import { inForm, isFull } from './harness/form.ts'
import { Traffic } from './harness/traffic.ts'

/**
 * Digests reach 99 % of the nodes within 2 s, 99.9 % of them do; and all bytes of the control plane cost a node the same in
 * a mesh of 100 as in one of 20, within a quarter.
 */
const sizes = inForm({ short: [10, 20], full: [20, 100] })
const reachSize = inForm({ short: 12, full: 50 })
const watchMs = inForm({ short: 15_000, full: 60_000 })

let mesh: TestMesh | undefined
const traffic = new Traffic()
beforeEach(() => traffic.start())
afterEach(async () => {
  await mesh?.close()
  mesh = undefined
  traffic.stop()
})

const pass = async (ms: number): Promise<void> => {
  const endMs = performance.now() + ms
  await waitUntil(() => performance.now() >= endMs, { withinMs: 2 * ms })
}

const crowd = async (size: number): Promise<MeshMember[]> => {
  mesh = await createCrowd(size)
  const { members } = mesh
  const haveMet = async (): Promise<boolean> =>
    (await Promise.all(members.map(async (one) => livingSeenBy(one)))).every((count) => count === size - 1)
  expect(await waitUntil(haveMet, { withinMs: 180_000, everyMs: 500 })).toBeDefined()
  return members
}

test(`digests of ${reachSize} nodes reach the others within two seconds`, async () => {
  const members = await crowd(reachSize)
  const arrivals = new Map<string, { sentMs: number; delays: number[] }>()
  const isWatching = { now: true }
  for (const one of members) {
    const { pubsub } = one.host().services
    pubsub.addEventListener('message', ({ detail }) => {
      if (!isWatching.now || !detail.topic.endsWith('/health/1.0.0') || !('from' in detail)) return
      const { timeMs, digest, sequence } = HealthNews.decode(new Uint8Array(detail.data))
      if (digest.length === 0) return
      const key = `${detail.from.toString()} ${sequence}`
      const known = arrivals.get(key) ?? { sentMs: timeMs, delays: [] }
      known.delays.push(Date.now() - timeMs)
      arrivals.set(key, known)
    })
  }
  const firstMs = Date.now()
  await pass(watchMs)
  const lastMs = Date.now()
  await pass(2_500)
  isWatching.now = false
  // one that was on its way when the watch began was not seen whole, one of the last seconds may still be
  const complete = [...arrivals.values()]
    .filter(({ sentMs }) => sentMs > firstMs && sentMs < lastMs)
    .map((one) => one.delays)
  const needed = Math.ceil((reachSize - 1) * 0.99)
  const inTime = complete.map((delays) => delays.filter((ms) => ms <= 2_000).length >= needed)
  const share = inTime.filter(Boolean).length / inTime.length
  const delays = complete.flat()
  console.log(
    `${complete.length} digests of ${reachSize} nodes: p50 ${quantile(delays, 0.5)} ms, p99 ${quantile(delays, 0.99)} ms, p99.9 ${quantile(delays, 0.999)} ms; ${(100 * share).toFixed(2)} % reached 99 % of the nodes in time`
  )
  expect(share).toBeGreaterThanOrEqual(0.999)
})

test(`the control plane costs a node the same among ${sizes.join(' and ')}`, async () => {
  const costs: number[] = []
  for (const size of sizes) {
    await crowd(size)
    // what forming cost is not what staying costs
    await pass(inForm({ short: 10_000, full: 60_000 }))
    const before = traffic.bytes
    const cpuBefore = process.cpuUsage()
    const startedMs = performance.now()
    await pass(watchMs)
    const seconds = (performance.now() - startedMs) / 1_000
    const { user, system } = process.cpuUsage(cpuBefore)
    const cost = (traffic.bytes - before) / size / seconds
    costs.push(cost)
    console.log(
      `${size} nodes: ${Math.round(cost)} B/s sent by a node, ${((cost * 3_600) / 1e6).toFixed(1)} MB an hour; ${((100 * (user + system)) / 1e6 / seconds / size).toFixed(2)} % of a core a node`
    )
    await mesh?.close()
    mesh = undefined
  }
  const [few = 0, many = 0] = costs
  console.log(`${sizes[1]} nodes cost a node ${(many / few).toFixed(2)} of what ${sizes[0]} do`)
  if (!isFull) return
  expect(many / few).toBeLessThanOrEqual(1.25)
  expect(many / few).toBeGreaterThanOrEqual(0.75)
})
