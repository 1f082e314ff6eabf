import { expect, test } from 'vitest'
import { startMembers, type MembersFigures, type MembersProcess } from './harness/members.ts'
import { waitUntil } from './harness/crowd.ts'
import { inForm, isFull } from './harness/form.ts'

/**
 * All bytes of the control plane cost an idle node the same in a mesh of 100 as in one of 20, within a quarter. Real nodes
 * in four processes; every byte that their sockets send is counted, whatever it is for.
 */
const sizes = inForm({ short: [8, 12], full: [20, 100] })
/** As many processes as nodes are more than a machine of two cores starts in an hour. */
const processes = 4
/** What forming cost is not what staying costs. */
const settleMs = inForm({ short: 5_000, full: 60_000 })
/** Some digests of every node. */
const watchMs = inForm({ short: 15_000, full: 180_000 })
/** Of one core, of all processes together: less than what the machine has. */
const restCores = 1.6
const restWithinMs = 600_000
const restMs = 10_000

const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const allOf = async (crowd: readonly MembersProcess[]): Promise<MembersFigures[]> =>
  Promise.all(crowd.map(async (one) => one.figures()))
const sum = (figures: readonly MembersFigures[], of: 'sentBytes' | 'cpuSeconds'): number =>
  figures.reduce((all, one) => all + one[of], 0)

const grow = async (size: number): Promise<MembersProcess[]> => {
  const crowd = Array.from({ length: processes }, startMembers)
  const [first] = crowd
  const { from } = (await first?.add(['node-0'])) ?? {}
  let next = 1
  while (next < size) {
    const batch = crowd.slice(0, size - next)
    await Promise.all(batch.map(async (one, at) => one.add([`node-${next + at}`], one === first ? undefined : from)))
    next += batch.length
  }
  return crowd
}

/** @returns bytes that a node sends in a second */
const costAmong = async (size: number): Promise<number> => {
  const crowd = await grow(size)
  const haveMet = async (): Promise<boolean> =>
    (await allOf(crowd)).every(({ fewestLiving }) => fewestLiving === size - 1)
  const metMs = await waitUntil(haveMet, { withinMs: 600_000, everyMs: 2_000 })
  if (metMs === undefined) throw new Error(`${size} nodes have not met`)
  const coresUsed = async (): Promise<number> => {
    const [before, startedMs] = [sum(await allOf(crowd), 'cpuSeconds'), performance.now()]
    await pause(restMs)
    return ((sum(await allOf(crowd), 'cpuSeconds') - before) * 1_000) / (performance.now() - startedMs)
  }
  const restedMs = await waitUntil(async () => (await coresUsed()) < restCores, { withinMs: restWithinMs })
  if (restedMs === undefined) throw new Error(`${size} nodes never came to rest`)
  await pause(settleMs)
  const [before, startedMs] = [await allOf(crowd), performance.now()]
  await pause(watchMs)
  const [after, seconds] = [await allOf(crowd), (performance.now() - startedMs) / 1_000]
  const sent = sum(after, 'sentBytes') - sum(before, 'sentBytes')
  const used = sum(after, 'cpuSeconds') - sum(before, 'cpuSeconds')
  const cost = sent / size / seconds
  console.log(
    `${size} nodes, met ${(metMs / 1_000).toFixed(1)} s after the last one was ready: each sends ${Math.round(cost)} B/s, ` +
      `${((cost * 3_600) / 1e6).toFixed(1)} MB an hour; ${((100 * used) / seconds / size).toFixed(2)} % of a core`
  )
  expect(await haveMet()).toBe(true)
  await Promise.all(crowd.map(async (one) => one.end()))
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
