/**
 * A mesh that was cut into two halves is one again within 30 s after the cut heals, with nobody's help. Meanwhile each
 * half serves itself, and what was published in one half is found from the other afterwards.
 */
import { afterEach, expect, it } from 'vitest'
import { inForm } from './harness/form.ts'
import { SharedCrowd, type SharedMember } from './harness/members.ts'
import { findNames, pieceOf, settled, until } from './harness/overlay.ts'

const { half, cutMs } = inForm({ short: { half: 6, cutMs: 15_000 }, full: { half: 25, cutMs: 60_000 } })
const healedMs = 30_000

/** Of all processes together. */
const restCores = 1.2

const namesOf = (some: SharedMember[]): string[] => some.map(({ name }) => name)

/** Half of the whole cut: a half that does not serve by then does not serve. */
const servedMs = cutMs / 2

const publishWithin = async (ms: number, { node }: SharedMember, capability: string): Promise<void> => {
  const publish = async (): Promise<boolean> =>
    node.publish({ capability }).then(
      () => true,
      () => false
    )
  await until(publish, ms)
}

let crowd: SharedCrowd | undefined
afterEach(async () => crowd?.end(), 120_000)

it(`two halves of ${half} are one within ${healedMs / 1000} s`, async () => {
  crowd = await SharedCrowd.of(Array.from({ length: 2 * half }, (_, at) => ({ name: `node-${at}` })))
  const { members } = crowd
  await settled(members, 120_000)
  if (!(await crowd.rests(restCores, 300_000))) console.log('the crowd never came to rest')
  const [left, right] = [members.filter((_, index) => index % 2 === 0), members.filter((_, index) => index % 2 === 1)]
  await crowd.split(namesOf(left), namesOf(right))
  const cutAtMs = performance.now()
  await until(async () => (await pieceOf(left)).size === half && (await pieceOf(right)).size === half, 10_000)
  const [a, b] = [left.at(-1), right.at(-1)]
  if (a === undefined || b === undefined) throw new Error('a half is empty')
  // While the halves are apart. Some members share an event loop, which is late while each of them loses half of its peers.
  await publishWithin(servedMs, a, 'sides/left')
  await publishWithin(servedMs, b, 'sides/right')
  await until(async () => (await findNames(left[1], 'sides/left')).includes(a.name), 10_000)
  await until(async () => (await findNames(right[1], 'sides/right')).includes(b.name), 10_000)
  console.log(`each half published and found after ${((performance.now() - cutAtMs) / 1000).toFixed(1)} s`)
  expect(await findNames(left[1], 'sides/right')).toEqual([])
  await until(async () => performance.now() - cutAtMs >= cutMs, cutMs)

  const cpuSeconds = await crowd.sum('cpuSeconds')
  const healedAtMs = performance.now()
  await crowd.heal()
  await until(async () => (await pieceOf(members)).size === members.length, healedMs)
  const wholeMs = performance.now() - healedAtMs
  const isFoundEverywhere = async (): Promise<boolean> => {
    for (const member of left) if (!(await findNames(member, 'sides/right')).includes(b.name)) return false
    for (const member of right) if (!(await findNames(member, 'sides/left')).includes(a.name)) return false
    return true
  }
  await until(isFoundEverywhere, healedMs)
  const foundMs = performance.now() - healedAtMs
  const used = (await crowd.sum('cpuSeconds')) - cpuSeconds
  console.log(
    `${members.length} members cut for ${cutMs / 1000} s: one piece ${(wholeMs / 1000).toFixed(1)} s after the cut ` +
      `healed, all found from all after ${(foundMs / 1000).toFixed(1)} s; ` +
      `processor time of all ${used.toFixed(1)} s`
  )
  expect(foundMs).toBeLessThan(healedMs)
})
