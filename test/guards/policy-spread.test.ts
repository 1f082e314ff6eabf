/**
 * A policy that is pushed is held by every member within two seconds, also by a process that has never done so before,
 * and `policy status` shows for how long that took. Real nodes in one process, each with its own keys, disk and sockets.
 * The short form has 12 nodes, the whole one 24: more of them in one process keep it busy with each other, and a policy
 * waits for its turn. Fifty members, of which each has a host but no node around it, are in test/slow/fifty-replicas.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createMesh, seededRandom, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import { inForm } from './harness/form.ts'
import { untilAtRest } from './harness/rest.ts'
import { waitedForProcessorMs } from './harness/waited.ts'

const count = inForm({ short: 12, full: 24 })
/** Each knows so many of those before it. */
const known = 3
/** Nodes that are started together. */
const atOnce = 5
const withinMs = 2_000
/** What `policy status` shows, against what was measured: a comparison is read at the end of its turn of the event loop. */
const toleranceMs = 250
const rounds = 3
const seed = Number(process.env['MESH_SEED'] ?? 1)

let mesh: TestMesh

beforeAll(async () => {
  const random = seededRandom(seed)
  mesh = await createMesh(['node-0'])
  for (let from = 1; from < count; from += atOnce) {
    const numbers = Array.from({ length: Math.min(atOnce, count - from) }, (_, at) => from + at)
    const bootstrap = (): MeshMember[] => random.shuffle([...mesh.members]).slice(0, known)
    await Promise.all(numbers.map(async (number) => mesh.add(`node-${number}`, { bootstrap: bootstrap() })))
  }
  await vi.waitFor(
    async () => {
      for (const { node } of mesh.members)
        expect((await node.peers()).filter(({ state }) => state === 'connected').length).toBeGreaterThanOrEqual(
          Math.min(known, count - 1)
        )
    },
    { timeout: 120_000, interval: 1_000 }
  )
  // nodes that all have one processor meet each other for a while yet
  await untilAtRest({ share: 0.7, withinMs: 300_000 })
}, 900_000)
afterAll(async () => mesh.close(), 60_000)

/** A policy of about so many bytes, a grant for each service. */
const sourceOf = (number: number, sizeBytes: number): string => {
  const lines = [`# ${number}`, 'groups:', '  callers: [node-1, node-2]', 'grants:']
  let size = 0
  for (let grant = 0; size < sizeBytes; grant++) {
    const line = `  - {from: callers, to: node-0, services: service-${number}-${grant}, capabilities: x-test/a${grant}}`
    lines.push(line)
    size += line.length + 1
  }
  return lines.join('\n')
}

interface Spread {
  allMs: number
  /** Less what the process waited for a processor that others had. */
  ownMs: number
  cpuMs: number
}

const push = async (author: MeshMember, number: number, sizeBytes: number): Promise<Spread> => {
  const held = new Set<string>()
  const cpu = process.cpuUsage()
  const waitedMs = waitedForProcessorMs()
  const startedMs = performance.now()
  await author.node.pushPolicy({ file: 'policy.yaml', source: sourceOf(number, sizeBytes) })
  await vi.waitFor(
    () => {
      for (const { name, node } of mesh.members) if (node.policy().version === number) held.add(name)
      expect(held.size).toBe(count)
    },
    { timeout: 60_000, interval: 5 }
  )
  const allMs = performance.now() - startedMs
  const { user, system } = process.cpuUsage(cpu)
  return { allMs, ownMs: allMs - (waitedForProcessorMs() - waitedMs), cpuMs: (user + system) / 1000 }
}

const print = (what: string, { allMs, ownMs, cpuMs }: Spread): void => {
  process.stderr.write(
    `policy: ${what}: held by all ${count} after ${allMs.toFixed(0)} ms, ${ownMs.toFixed(0)} ms without the time that ` +
      `other programs had the processor; ${cpuMs.toFixed(0)} ms of processor time\n`
  )
}

test(`a pushed policy is at all ${count} members within two seconds, and policy status says so (seed ${seed})`, async () => {
  const [author] = mesh.members
  if (author === undefined) throw new Error('no author')
  for (let number = 1; number <= rounds; number++) {
    const spread = await push(author, number, 20 * 1024)
    print(number === 1 ? '20 KiB, for the first time' : '20 KiB', spread)
    expect(spread.ownMs).toBeLessThan(withinMs)
    const status = await vi.waitFor(
      () => {
        const found = author.node.policyStatus()
        expect(found.holders.filter(({ isCurrent }) => isCurrent)).toHaveLength(count - 1)
        return found
      },
      { timeout: 60_000, interval: 50 }
    )
    const { convergedMs = Number.NaN } = status
    process.stderr.write(`policy: policy status shows ${convergedMs.toFixed(0)} ms\n`)
    expect(Math.abs(convergedMs - spread.allMs)).toBeLessThan(toleranceMs + (spread.allMs - spread.ownMs))
  }
  // for the record: most of it is that the file is read by every node of this one process
  print('240 KiB', await push(author, rounds + 1, 240 * 1024))
}, 900_000)
