import { expect, test } from 'vitest'
import { SharedCrowd } from './harness/members.ts'
import { waitUntil } from './harness/crowd.ts'
import { inForm, isFull } from './harness/form.ts'

/**
 * All bytes of the control plane cost an idle node the same in a mesh of 100 as in one of 20, within a quarter. Real nodes
 * in four processes; every byte that their sockets send is counted, whatever it is for.
 */
const sizes = inForm({ short: [8, 12], full: [20, 100] })
/** What forming cost is not what staying costs. */
const settleMs = inForm({ short: 5_000, full: 60_000 })
/** Some digests of every node. */
const watchMs = inForm({ short: 15_000, full: 180_000 })
/** Of one core, of all processes together: less than what the machine has. */
const restCores = 1.6

const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** @returns bytes that a node sends in a second */
const costAmong = async (size: number): Promise<number> => {
  const crowd = await SharedCrowd.of(Array.from({ length: size }, (_, at) => ({ name: `node-${at}` })))
  const haveMet = async (): Promise<boolean> =>
    (await crowd.figures()).every(({ fewestLiving }) => fewestLiving === size - 1)
  const metMs = await waitUntil(haveMet, { withinMs: 600_000, everyMs: 5_000 })
  if (metMs === undefined) throw new Error(`${size} nodes have not met`)
  if (!(await crowd.rests(restCores, 600_000))) throw new Error(`${size} nodes never came to rest`)
  await pause(settleMs)
  const [bytes, cpu, startedMs] = [await crowd.sum('sentBytes'), await crowd.sum('cpuSeconds'), performance.now()]
  await pause(watchMs)
  const [sent, used] = [(await crowd.sum('sentBytes')) - bytes, (await crowd.sum('cpuSeconds')) - cpu]
  const seconds = (performance.now() - startedMs) / 1_000
  const cost = sent / size / seconds
  console.log(
    `${size} nodes, met ${(metMs / 1_000).toFixed(1)} s after the last one was ready: each sends ${Math.round(cost)} B/s, ` +
      `${((cost * 3_600) / 1e6).toFixed(1)} MB an hour; ${((100 * used) / seconds / size).toFixed(2)} % of a core`
  )
  expect(await haveMet()).toBe(true)
  await crowd.end()
  return cost
}

test(`the control plane costs a node the same among ${sizes.join(' and ')}`, { timeout: 2_400_000 }, async () => {
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
