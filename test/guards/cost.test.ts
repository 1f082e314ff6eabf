import { expect, test } from 'vitest'
import { createProcessCrowd, type CrowdProcess } from './harness/process-crowd.ts'
import { waitUntil } from './harness/crowd.ts'
import { inForm, isFull } from './harness/form.ts'

/**
 * All bytes of the control plane cost an idle node the same in a mesh of 100 as in one of 20, within a quarter. Real
 * processes; every byte that their sockets send is counted, whatever it is for.
 */
const sizes = inForm({ short: [6, 12], full: [20, 100] })
/** What forming cost is not what staying costs. */
const settleMs = inForm({ short: 10_000, full: 60_000 })
/** Some digests of every node. */
const watchMs = inForm({ short: 15_000, full: 180_000 })

const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const sum = async (crowd: readonly CrowdProcess[], of: (one: CrowdProcess) => Promise<number>): Promise<number> =>
  (await Promise.all(crowd.map(of))).reduce((all, one) => all + one, 0)

/** @returns bytes that a node sends in a second */
const costAmong = async (size: number): Promise<number> => {
  const crowd = await createProcessCrowd(size)
  const haveMet = async (): Promise<boolean> => {
    for (const { node } of crowd) {
      const living = (await node.client.peers()).filter(({ health }) => health?.state === 'alive')
      if (living.length < size - 1) return false
    }
    return true
  }
  const metMs = await waitUntil(haveMet, { withinMs: 300_000, everyMs: 1_000 })
  if (metMs === undefined) throw new Error(`${size} nodes have not met`)
  await pause(settleMs)
  const [bytes, cpu, startedMs] = [
    await sum(crowd, async (one) => one.sentBytes()),
    await sum(crowd, async (one) => one.cpuSeconds()),
    performance.now()
  ]
  await pause(watchMs)
  const seconds = (performance.now() - startedMs) / 1_000
  const sent = (await sum(crowd, async (one) => one.sentBytes())) - bytes
  const used = (await sum(crowd, async (one) => one.cpuSeconds())) - cpu
  const memory = crowd.reduce((all, { node }) => all + node.rssBytes, 0)
  const cost = sent / size / seconds
  console.log(
    `${size} nodes, met ${(metMs / 1_000).toFixed(1)} s after the last one was ready: each sends ${Math.round(cost)} B/s, ` +
      `${((cost * 3_600) / 1e6).toFixed(1)} MB an hour; ${((100 * used) / seconds / size).toFixed(2)} % of a core, ` +
      `${(memory / size / 2 ** 20).toFixed(0)} MiB of memory`
  )
  await Promise.all(crowd.map(async ({ node }) => node.kill()))
  return cost
}

test(`the control plane costs a node the same among ${sizes.join(' and ')}`, { timeout: 1_800_000 }, async () => {
  const costs: number[] = []
  for (const size of sizes) costs.push(await costAmong(size))
  const [few = 0, many = 0] = costs
  console.log(`${sizes[1]} nodes cost a node ${(many / few).toFixed(2)} of what ${sizes[0]} do`)
  expect(few).toBeGreaterThan(0)
  // the rate of digests is level from 20 members on
  if (!isFull) return
  expect(many / few).toBeLessThanOrEqual(1.25)
  expect(many / few).toBeGreaterThanOrEqual(0.75)
})
