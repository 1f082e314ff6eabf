/**
 * Processes that are stopped for a while and go on: no healthy one is taken for dead by anybody, and those that stood still
 * are alive again for all within 5 s. Real processes and SIGSTOP; the short form stops 1 and 2 of 6 for 5 s, the whole one 1 and 4
 * of 12 for 5 s and for 20 s.
 */
import { beforeAll, expect, test } from 'vitest'
import { waitUntil } from './harness/crowd.ts'
import { inForm } from './harness/form.ts'
import { createProcessCrowd } from './harness/process-crowd.ts'
import type { MeshProcess } from '../e2e/harness/mesh-process.ts'

const { size, pauses } = inForm({
  short: {
    size: 6,
    pauses: [
      { stopped: 1, forMs: 5_000 },
      { stopped: 2, forMs: 5_000 }
    ]
  },
  full: {
    size: 12,
    pauses: [
      { stopped: 1, forMs: 5_000 },
      { stopped: 4, forMs: 5_000 },
      { stopped: 1, forMs: 20_000 },
      { stopped: 4, forMs: 20_000 }
    ]
  }
})
const refutedMs = 5_000

let nodes: MeshProcess[]

/** What a node holds of the others, by name. */
const viewOf = async (node: MeshProcess): Promise<Map<string, string>> =>
  new Map((await node.client.peers()).map(({ name, health }) => [name, health?.state ?? 'unknown']))

const allAlive = async (): Promise<boolean> => {
  const views = await Promise.all(nodes.map(viewOf))
  return views.every((view) => [...view.values()].filter((state) => state === 'alive').length === size - 1)
}

/** Lines of the logs in which somebody is taken for dead, since there were so many lines. */
const deathsSince = (lines: ReadonlyMap<MeshProcess, number>, who: ReadonlySet<string>): string[] =>
  nodes.flatMap((node) =>
    node.log
      .slice(lines.get(node))
      .filter((line) => line.includes('"health:changed"') && line.includes('"state":"dead"'))
      .filter((line) => [...who].some((name) => line.includes(`"name":"${name}"`)))
  )

beforeAll(async () => {
  nodes = await createProcessCrowd(size)
  expect(await waitUntil(allAlive, { withinMs: 60_000, everyMs: 250 })).toBeDefined()
}, 180_000)

test.each(pauses)('$stopped stopped for $forMs ms', { timeout: 180_000 }, async ({ stopped, forMs }) => {
  const chosen = nodes.slice(size - stopped)
  const healthy = new Set(nodes.slice(0, size - stopped).map(({ name }) => name))
  const lines = new Map(nodes.map((node) => [node, node.log.length]))
  for (const { pid } of chosen) process.kill(pid, 'SIGSTOP')
  await new Promise((resolve) => setTimeout(resolve, forMs))
  for (const { pid } of chosen) process.kill(pid, 'SIGCONT')
  const backMs = await waitUntil(allAlive, { withinMs: 60_000, everyMs: 50 })
  console.log(
    `${stopped} of ${size} stood still for ${forMs} ms: alive for all ${Math.round(backMs ?? Infinity)} ms after they went on; ` +
      `${deathsSince(lines, new Set(chosen.map(({ name }) => name))).length} times taken for dead meanwhile`
  )
  expect(deathsSince(lines, healthy)).toEqual([])
  expect(backMs).toBeLessThanOrEqual(refutedMs)
})
