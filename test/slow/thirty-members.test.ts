import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits, withAncestors } from '@agent-mesh/wire'
import { createTestNetwork } from '@agent-mesh/testkit'
import {
  connectAll,
  signal,
  startNode,
  stopNodes,
  type TestNode
} from '../../packages/control-plane/test/discovery/node.ts'

const count = 30
const shared = 'shared/translation'
const agents = { first: 10, stopped: 15, end: 20 }
const nodes: TestNode[] = []

/** Families of five share the middle part, so that ancestors have several agents; ten agents share one capability. */
const capabilitiesOf = (index: number): string[] => [
  `skills/family-${Math.floor(index / 5)}/task-${index}`,
  ...(index >= agents.first && index < agents.end ? [shared] : [])
]

/** Names of who answers a lookup. */
const find = async ({ discovery }: TestNode, path: string): Promise<string[]> => {
  const names: string[] = []
  for await (const record of discovery.find(path, { signal: signal(20_000) })) names.push(record.membership.name)
  return names.toSorted()
}

const nameOf = (index: number): string => `agent-${index}`

beforeAll(async () => {
  const network = await createTestNetwork()
  for (let index = 0; index < count; index++) nodes.push(await startNode(network, nameOf(index)))
  await connectAll(nodes)
  for (const [index, { discovery, plain }] of nodes.entries()) {
    const report = await discovery.publish({ ...plain(), capabilities: capabilitiesOf(index) })
    expect(report.storedBy).toBeGreaterThan(0)
  }
}, 400_000)
afterAll(async () => stopNodes(), 60_000)

describe('thirty members in one process', () => {
  it('each find every published capability and its ancestors', async () => {
    const expected = new Map<string, string[]>()
    for (let index = 0; index < count; index++) {
      for (const path of new Set(capabilitiesOf(index).flatMap(withAncestors))) {
        expected.set(path, [...(expected.get(path) ?? []), nameOf(index)].toSorted())
      }
    }
    expect(expected.get('skills')).toHaveLength(count)
    for (const [from, node] of nodes.entries()) {
      for (const [path, names] of expected) expect(await find(node, path), `${path} from ${from}`).toEqual(names)
    }
  }, 900_000)

  it('always find the living of a shared capability after five of its agents stopped and their entries aged', async () => {
    const dead = nodes.slice(agents.first, agents.stopped)
    await Promise.all(dead.map(async (node) => node.stop()))
    const rest = [...nodes.slice(0, agents.first), ...nodes.slice(agents.stopped)]
    for (const { host } of rest) {
      for (const { member } of dead) await host.libp2p.services.raw.peerStore.delete(member.peerId)
    }
    const living = Array.from({ length: agents.end - agents.stopped }, (_, index) => nameOf(agents.stopped + index))
    for (const node of rest) {
      const startedMs = performance.now()
      expect(await find(node, shared)).toEqual(expect.arrayContaining(living))
      expect(performance.now() - startedMs).toBeLessThan(limits.lookupTimeoutMs * 0.9)
    }
  }, 300_000)
})
