/**
 * Every published capability is found from everywhere: 50 nodes, 200 capabilities, 100 % found, half of the lookups
 * within 150 ms and 99 % within 1 s.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seededRandom } from '@agent-mesh/testkit'
import { inForm } from './harness/form.ts'
import { SharedCrowd } from './harness/members.ts'
import { describeLookups, lookUp, published, settled } from './harness/overlay.ts'

const seed = Number(process.env['MESH_SEED'] ?? 1)
const { nodes, capabilities, lookups } = inForm({
  short: { nodes: 16, capabilities: 40, lookups: 120 },
  full: { nodes: 50, capabilities: 200, lookups: 1_000 }
})
const pathOf = (index: number): string => `field-${index % 10}/task-${index}`

/** Of all processes together; a node at rest takes a hundredth of one. */
const restCores = 1.2

let crowd: SharedCrowd
const ownerOf = new Map<string, string>()

beforeAll(async () => {
  const wanted = Array.from({ length: nodes }).map((_node, node) => {
    const own = Array.from({ length: capabilities }, (_, index) => index)
      .filter((index) => 1 + (index % (nodes - 1)) === node)
      .map(pathOf)
    for (const path of own) ownerOf.set(path, `node-${node}`)
    return { name: `node-${node}`, capabilities: own }
  })
  crowd = await SharedCrowd.of(wanted)
  await settled(crowd.members, 120_000)
  await published(crowd.members, 300_000)
  if (!(await crowd.rests(restCores, 300_000))) console.log('the crowd never came to rest')
}, 900_000)
afterAll(async () => crowd.end(), 120_000)

it(`${capabilities} capabilities of ${nodes} nodes are found (seed ${seed})`, async () => {
  const random = seededRandom(seed)
  const paths = [...ownerOf.keys()]
  const cpuSeconds = await crowd.sum('cpuSeconds')
  const report = await lookUp(
    Array.from({ length: lookups }, (_, index) => {
      const capability = paths[index % paths.length] ?? ''
      return { from: random.pick(crowd.members), capability, expected: [ownerOf.get(capability) ?? ''] }
    })
  )
  const used = (await crowd.sum('cpuSeconds')) - cpuSeconds
  console.log(
    `${nodes} nodes, ${paths.length} capabilities: ${describeLookups(report)}; ` +
      `processor time of all ${((1_000 * used) / lookups).toFixed(1)} ms for each`
  )
  const { times, misses } = report
  expect(misses).toEqual([])
  const [, median = 0] = times.toSorted((a, b) => a - b).slice(Math.floor(times.length / 2) - 1)
  expect(median).toBeLessThanOrEqual(150)
  expect(times.filter((ms) => ms > 1_000).length / times.length).toBeLessThanOrEqual(0.01)
}, 600_000)
