import { createMesh, type AddOptions, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import type { PeerDocument } from '@agent-mesh/wire/api'

/** Nodes that are started at once: more would only wait for each other. */
const atOnce = 5

/** A mesh of so many nodes in this process, all from one bootstrap: the first. They are called node-0 and so on. */
export const createCrowd = async (
  size: number,
  optionsOf: (index: number) => AddOptions = () => ({})
): Promise<TestMesh> => {
  const mesh = await createMesh(['node-0'])
  for (let from = 1; from < size; from += atOnce) {
    const indices = Array.from({ length: Math.min(atOnce, size - from) }, (_, at) => from + at)
    await Promise.all(indices.map(async (index) => mesh.add(`node-${index}`, optionsOf(index))))
  }
  return mesh
}

const restMs = 5_000
const mostOfCore = 0.8

/** Of one core, over the next seconds. */
const coreShare = async (): Promise<number> => {
  const [cpu, startedMs] = [process.cpuUsage(), performance.now()]
  await new Promise((resolve) => setTimeout(resolve, restMs))
  const { user, system } = process.cpuUsage(cpu)
  return (user + system) / 1_000 / (performance.now() - startedMs)
}

/**
 * What so many starts began is done: nodes that share a process share one core, and what waits for that core measures the
 * machine. Only a crowd of one process needs it; where it never rests, what follows is measured as it is.
 */
export const atRest = async (): Promise<void> => {
  const restedMs = await waitUntil(async () => (await coreShare()) < mostOfCore, { withinMs: 300_000 })
  console.log(
    restedMs === undefined ? 'the crowd never came to rest' : `at rest after ${Math.round(restedMs / 1_000)} s`
  )
}

export type Health = NonNullable<PeerDocument['health']>

/** What a member sees of all others that it knows, by name. */
export const viewOf = async ({ node }: MeshMember): Promise<Map<string, Health>> => {
  const peers = await node.peers()
  return new Map(peers.flatMap(({ name, health }) => (health === undefined ? [] : [[name, health]])))
}

/** How many others a member sees alive. */
export const livingSeenBy = async (member: MeshMember): Promise<number> =>
  [...(await viewOf(member)).values()].filter(({ state }) => state === 'alive').length

/** Asks until it is so. @returns after how many milliseconds, or undefined where it never was */
export const waitUntil = async (
  isSo: () => boolean | Promise<boolean>,
  { withinMs, everyMs = 100 }: { withinMs: number; everyMs?: number }
): Promise<number | undefined> => {
  const started = performance.now()
  while (performance.now() - started < withinMs) {
    if (await isSo()) return performance.now() - started
    await new Promise((resolve) => {
      setTimeout(resolve, everyMs)
    })
  }
  return undefined
}

/** The value below which the share lies. */
export const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)] ?? Number.NaN
