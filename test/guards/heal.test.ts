/**
 * A mesh that was cut into two halves is one again within 30 s after the cut heals, with nobody's help. Meanwhile each
 * half serves itself, and what was published in one half is found from the other afterwards.
 */
import { afterEach, expect, it } from 'vitest'
import type { MeshMember, TestMesh } from '@agent-mesh/testkit'
import { atRest, createCrowd } from './harness/crowd.ts'
import { inForm } from './harness/form.ts'
import { findNames, pieceOf, settled, until } from './harness/overlay.ts'

const { half, cutMs } = inForm({ short: { half: 6, cutMs: 15_000 }, full: { half: 25, cutMs: 60_000 } })
const healedMs = 30_000

const namesOf = (some: MeshMember[]): string[] => some.map(({ name }) => name)

/** Half of the whole cut: a half that does not serve by then does not serve. */
const servedMs = cutMs / 2

const publishWithin = async (ms: number, { node }: MeshMember, capability: string): Promise<void> => {
  const publish = async (): Promise<boolean> =>
    node.publish({ capability }).then(
      () => true,
      () => false
    )
  await until(publish, ms)
}

let mesh: TestMesh | undefined
afterEach(async () => mesh?.close(), 120_000)

it(`two halves of ${half} are one within ${healedMs / 1000} s`, async () => {
  mesh = await createCrowd(2 * half)
  const { members, partition } = mesh
  await settled(members, 120_000)
  await atRest()
  const [left, right] = [members.filter((_, index) => index % 2 === 0), members.filter((_, index) => index % 2 === 1)]
  partition.split(namesOf(left), namesOf(right))
  const cutAtMs = performance.now()
  await until(async () => (await pieceOf(left)).size === half && (await pieceOf(right)).size === half, 10_000)
  const [a, b] = [left.at(-1), right.at(-1)]
  if (a === undefined || b === undefined) throw new Error('a half is empty')
  // While the halves are apart. All members share one event loop, which is late while each of them loses half of its peers.
  await publishWithin(servedMs, a, 'sides/left')
  await publishWithin(servedMs, b, 'sides/right')
  await until(async () => (await findNames(left[1], 'sides/left')).includes(a.name), 10_000)
  await until(async () => (await findNames(right[1], 'sides/right')).includes(b.name), 10_000)
  console.log(`each half published and found after ${((performance.now() - cutAtMs) / 1000).toFixed(1)} s`)
  expect(await findNames(left[1], 'sides/right')).toEqual([])
  await until(async () => performance.now() - cutAtMs >= cutMs, cutMs)

  const cpu = process.cpuUsage()
  const healedAtMs = performance.now()
  partition.heal()
  await until(async () => (await pieceOf(members)).size === members.length, healedMs)
  const wholeMs = performance.now() - healedAtMs
  const isFoundEverywhere = async (): Promise<boolean> => {
    for (const member of left) if (!(await findNames(member, 'sides/right')).includes(b.name)) return false
    for (const member of right) if (!(await findNames(member, 'sides/left')).includes(a.name)) return false
    return true
  }
  await until(isFoundEverywhere, healedMs)
  const foundMs = performance.now() - healedAtMs
  const { user, system } = process.cpuUsage(cpu)
  console.log(
    `${members.length} members cut for ${cutMs / 1000} s: one piece ${(wholeMs / 1000).toFixed(1)} s after the cut ` +
      `healed, all found from all after ${(foundMs / 1000).toFixed(1)} s; ` +
      `processor time of all ${((user + system) / 1e6).toFixed(1)} s`
  )
  expect(foundMs).toBeLessThan(healedMs)
})
