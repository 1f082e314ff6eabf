import { afterEach, expect, test } from 'vitest'
import type { MeshMember, TestMesh } from '@agent-mesh/testkit'
import { HealthNews } from '@agent-mesh/wire'
import { atRest, createCrowd, livingSeenBy, quantile, waitUntil } from './harness/crowd.ts'
import { inForm } from './harness/form.ts'

/**
 * Digests reach 99 % of the nodes within 2 s, 99.9 % of them do.
 */
const reachSize = inForm({ short: 12, full: 50 })
const watchMs = inForm({ short: 15_000, full: 60_000 })

let mesh: TestMesh | undefined
afterEach(async () => {
  await mesh?.close()
  mesh = undefined
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
  await atRest()
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
