import { afterEach, expect, test } from 'vitest'
import type { TestMesh } from '@agent-mesh/testkit'
import { createCrowd, livingSeenBy, waitUntil } from './harness/crowd.ts'
import { inForm } from './harness/form.ts'
import { gossipScore } from './harness/gossip-score.ts'

/**
 * Many nodes form from one bootstrap: within a minute each sees all others alive, and one node more costs at most 40 MB of
 * memory. All of them are behind one address, which is no reason for anybody to think less of them.
 */
const size = inForm({ short: 16, full: 50 })
const mostMs = 60_000
const mostBytesPerNode = 40 * 1024 ** 2

let mesh: TestMesh | undefined
afterEach(async () => mesh?.close())

test(`each of ${size} nodes from one bootstrap sees all others alive within a minute`, async () => {
  const before = process.memoryUsage.rss()
  const cpuBefore = process.cpuUsage()
  const started = performance.now()
  mesh = await createCrowd(size)
  const { members } = mesh
  const startedMs = performance.now() - started
  let seen: number[] = []
  const formedMs = await waitUntil(
    async () => {
      seen = await Promise.all(members.map(async (one) => livingSeenBy(one)))
      return seen.every((count) => count >= size - 1)
    },
    // asking fifty nodes for fifty peers each is work that they do not do meanwhile
    { withinMs: mostMs, everyMs: 1_000 }
  )
  const { user, system } = process.cpuUsage(cpuBefore)
  const bytesPerNode = (process.memoryUsage.rss() - before) / size
  console.log(
    `${size} nodes started in ${Math.round(startedMs)} ms; all seen by all ${formedMs === undefined ? 'never' : `${Math.round(formedMs)} ms later`};`,
    `least ${Math.min(...seen)} of ${size - 1}; ${(bytesPerNode / 1024 ** 2).toFixed(1)} MB a node; ${((user + system) / 1e6 / size).toFixed(2)} s of CPU a node`
  )
  expect(Math.min(...seen)).toBeGreaterThanOrEqual(size - 1)
  expect(formedMs).toBeDefined()
  expect(bytesPerNode).toBeLessThan(mostBytesPerNode)
  for (const one of members)
    for (const { node } of members)
      if (node !== one.node) expect(gossipScore(one, node.ready.peerId)).toBeGreaterThanOrEqual(0)
})
