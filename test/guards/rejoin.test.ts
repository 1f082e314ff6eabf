/**
 * A member whose neighbours all die at once is back in the mesh within 15 s, through members that it was never connected
 * with: it knows them by their records.
 */
import { afterEach, expect, it } from 'vitest'
import { createMesh, type TestMesh } from '@agent-mesh/testkit'
import { inForm } from './harness/form.ts'
import { findNames, pieceOf, quantile, settled, until } from './harness/overlay.ts'

const { near, far, rounds } = inForm({ short: { near: 3, far: 4, rounds: 1 }, full: { near: 8, far: 8, rounds: 3 } })
const backMs = 15_000

const isFar = (name: string): boolean => name.startsWith('far')
const isLone = (name: string): boolean => name === 'lone'

let mesh: TestMesh | undefined
afterEach(async () => mesh?.close(), 120_000)

it(`a member that loses all its ${near} neighbours at once is back within ${backMs / 1000} s`, async () => {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    mesh = await createMesh(['near-0'])
    const { members, partition } = mesh
    // never connected with them, not even through the DHT
    partition.cut((a, b) => (isLone(a) && isFar(b)) || (isFar(a) && isLone(b)))
    for (let index = 1; index < near; index++) await mesh.add(`near-${index}`)
    for (let index = 0; index < far; index++) await mesh.add(`far-${index}`, { capabilities: [`far/number-${index}`] })
    const lone = await mesh.add('lone')
    const others = members.filter(({ name }) => name !== 'lone')
    await settled(others, 60_000)
    await until(async () => (await lone.connected()).length === near, 30_000)
    // it has heard of them all
    await until(async () => (await findNames(lone, 'far')).length === far, 60_000)

    for (const { name } of members) if (name.startsWith('near')) partition.silence(name)
    partition.heal()
    const startedMs = performance.now()
    await until(async () => (await lone.connected()).length > 0, 2 * backMs)
    times.push(performance.now() - startedMs)
    const living = members.filter(({ name }) => !name.startsWith('near'))
    await until(async () => (await pieceOf(living)).size === living.length, backMs)
    await until(async () => (await findNames(lone, 'far')).length === far, backMs)
    await mesh.close()
    mesh = undefined
  }
  console.log(`back after ${times.map((ms) => `${(ms / 1000).toFixed(2)} s`).join(', ')}`)
  expect(quantile(times, 1)).toBeLessThan(backMs)
})
