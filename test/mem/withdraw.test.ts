import { afterAll, beforeAll, it } from 'vitest'
import { createMesh, type TestMesh } from '@agent-mesh/testkit'
import { findNames, published, settled, until } from '../guards/harness/overlay.ts'

let mesh: TestMesh
beforeAll(async () => {
  mesh = await createMesh(['founder'])
  for (const name of ['alice', 'bob', 'carol']) await mesh.add(name, { capabilities: ['work/shared'] })
  await settled(mesh.members, 30_000)
  await published(mesh.members, 30_000)
}, 120_000)
afterAll(async () => mesh.close(), 60_000)

const isSeenBy = async (members: TestMesh['members'], names: string[]): Promise<boolean> => {
  for (const member of members) {
    const found = await findNames(member, 'work/shared')
    if (found.toSorted().join() !== names.join()) return false
  }
  return true
}

it('what is taken back is given by nobody, at once at all who hear of it', async () => {
  const { members } = mesh
  const [, alice, bob] = members
  if (alice === undefined || bob === undefined) throw new Error('the mesh is too small')
  await until(async () => isSeenBy(members, ['alice', 'bob', 'carol']), 30_000)
  await alice.node.unpublish('work/shared')
  await until(async () => isSeenBy(members, ['bob', 'carol']), 5_000)
  await bob.stop()
  await until(
    async () =>
      isSeenBy(
        members.filter((member) => member !== bob),
        ['carol']
      ),
    5_000
  )
}, 120_000)

it('a member that was away when something was taken back does not give it either', async () => {
  const { members, partition } = mesh
  const [founder, alice, , carol] = members
  if (founder === undefined || alice === undefined || carol === undefined) throw new Error('the mesh is too small')
  partition.silence('founder')
  await until(async () => (await founder.connected()).length === 0, 10_000)
  await carol.node.unpublish('work/shared')
  await until(async () => isSeenBy([alice, carol], []), 5_000)
  partition.rejoin('founder')
  await until(async () => isSeenBy([founder], []), 40_000)
}, 120_000)
