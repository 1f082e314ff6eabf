import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { withAncestors } from '@agent-mesh/wire'
import { createMesh, type MeshMember, type TestMesh } from '@agent-mesh/testkit'

const count = 30
const nameOf = (index: number): string => `agent-${index}`
/** Two per member; families of five share the middle part, so that ancestors have several agents. */
const capabilitiesOf = (index: number): string[] => [
  `skills/family-${Math.floor(index / 5)}/task-${index}`,
  `tools/tool-${index}`
]

let mesh: TestMesh
const member = (index: number): MeshMember => {
  const found = mesh.members[index]
  if (found === undefined) throw new Error(`no member ${index}`)
  return found
}

const find = async (from: MeshMember, query: string): Promise<string[]> => {
  const { candidates, elapsedMs } = await from.node.find({ query, limit: 256 }, { signal: AbortSignal.timeout(20_000) })
  expect(elapsedMs).toBeLessThan(9_000) // the timeout of a lookup is 10 s: none may run into it
  return candidates.map((candidate) => candidate.name ?? '').toSorted()
}

beforeAll(async () => {
  mesh = await createMesh(Array.from({ length: count }, (_, index) => nameOf(index)))
  for (let index = 0; index < count; index++) {
    for (const capability of capabilitiesOf(index)) {
      await vi.waitFor(() => member(index).node.publish({ capability }), { timeout: 20_000, interval: 250 })
    }
  }
}, 300_000)
afterAll(async () => {
  await mesh.close()
})

describe('thirty members', () => {
  it('each find every published capability and its ancestors', async () => {
    const expected = new Map<string, string[]>()
    for (let index = 0; index < count; index++) {
      for (const path of new Set(capabilitiesOf(index).flatMap(withAncestors))) {
        expected.set(path, [...(expected.get(path) ?? []), nameOf(index)].toSorted())
      }
    }
    for (const from of mesh.members) {
      for (const [path, agents] of expected) expect(await find(from, path), `${path} from ${from.name}`).toEqual(agents)
    }
  }, 300_000)

  it('find the living of a shared capability when five of its agents have stopped', async () => {
    const shared = 'shared/translation'
    const agents = mesh.members.slice(10, 20)
    for (const agent of agents) await agent.node.publish({ capability: shared })
    const [stopped, living] = [agents.slice(0, 5), agents.slice(5)]
    const names = living.map((agent) => agent.name).toSorted()
    await Promise.all(stopped.map((agent) => agent.stop()))
    for (const from of [...mesh.members.slice(0, 10), ...mesh.members.slice(20)]) {
      await vi.waitFor(
        async () => {
          expect(await find(from, shared)).toEqual(names)
        },
        { timeout: 20_000, interval: 250 }
      )
    }
  }, 120_000)
})
