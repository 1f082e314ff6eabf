import { afterEach, expect, it, vi } from 'vitest'
import { createMesh, type MeshMember, type TestMesh } from '@agent-mesh/testkit'

let mesh: TestMesh
afterEach(async () => mesh.close())

const settings = 'underlay: { echoes: on }'
const wait = { timeout: 20_000, interval: 100 }

const underlayOf = async (member: MeshMember, other: MeshMember): Promise<unknown> =>
  (await member.node.peers()).find(({ peerId }) => peerId === other.node.ready.peerId)?.underlay

it('counts UDP echoes between two members, on both sides, and again after one of them was started anew', async () => {
  mesh = await createMesh(['founder'])
  const alice = await mesh.add('alice', { settings })
  const bob = await mesh.add('bob', { bootstrap: [alice], settings })
  const both = async (): Promise<void> => {
    await vi.waitFor(async () => expect(await underlayOf(alice, bob)).toMatchObject({ udp: 'works' }), wait)
    await vi.waitFor(async () => expect(await underlayOf(bob, alice)).toMatchObject({ udp: 'works' }), wait)
  }
  await both()
  await bob.restart()
  await both()
})

it('does not watch what never leaves the machine, unless it is told to', async () => {
  mesh = await createMesh(['alice'])
  const [alice] = mesh.members
  if (alice === undefined) throw new Error('alice')
  const bob = await mesh.add('bob', { settings })
  await vi.waitFor(async () => expect(await alice.connected()).toHaveLength(1), wait)
  expect(await underlayOf(alice, bob)).toBeUndefined()
})
