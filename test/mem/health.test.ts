import { afterEach, describe, expect, it } from 'vitest'
import { createMesh, type MeshMember, type TestMesh } from '@agent-mesh/testkit'
import type { PeerDocument } from '@agent-mesh/wire/api'

let mesh: TestMesh

afterEach(async () => mesh.close())

const seenBy = async ({ node }: MeshMember, name: string): Promise<PeerDocument['health']> =>
  (await node.peers()).find((peer) => peer.name === name)?.health

/** How long it took until all of them see it so. */
const untilAllSee = async (watchers: MeshMember[], name: string, state: string, withinMs: number): Promise<number> => {
  const started = performance.now()
  await expect
    .poll(async () => Promise.all(watchers.map(async (one) => (await seenBy(one, name))?.state ?? 'unknown')), {
      timeout: withinMs,
      interval: 25
    })
    .toEqual(watchers.map(() => state))
  return performance.now() - started
}

describe('health among real nodes', () => {
  it('shows who lives, who left and who crashed, and takes back whoever returns', async () => {
    mesh = await createMesh(['alice', 'bob', 'carol', 'dave'])
    const [alice, bob, carol, dave] = mesh.members
    if (alice === undefined || bob === undefined || carol === undefined || dave === undefined)
      throw new Error('too few')
    for (const one of mesh.members)
      for (const other of mesh.members) if (one !== other) await untilAllSee([one], other.name, 'alive', 20_000)

    const stopping = bob.stop()
    const leftMs = await untilAllSee([alice, carol, dave], 'bob', 'left', 5_000)
    await stopping
    expect(leftMs).toBeLessThan(1_000)

    await carol.kill()
    const deadMs = await untilAllSee([alice, dave], 'carol', 'dead', 30_000)
    console.log(`left after ${Math.round(leftMs)} ms, dead after ${Math.round(deadMs)} ms`)

    await bob.restart()
    await untilAllSee([alice, dave], 'bob', 'alive', 10_000)
    await carol.restart()
    await untilAllSee([alice, bob, dave], 'carol', 'alive', 10_000)
    // who comes back learns of all
    await untilAllSee([carol], 'bob', 'alive', 10_000)
  }, 120_000)
})

describe('a member that was revoked', () => {
  it('is no part of health any longer, at nobody', async () => {
    mesh = await createMesh(['alice', 'bob', 'carol'])
    const [alice, bob, carol] = mesh.members
    if (alice === undefined || bob === undefined || carol === undefined) throw new Error('too few')
    for (const one of [alice, carol]) await untilAllSee([one], 'bob', 'alive', 20_000)
    await alice.node.revoke({ who: 'bob' })
    await untilAllSee([alice, carol], 'bob', 'unknown', 10_000)
    expect((await alice.node.status()).health).toMatchObject({ alive: 1, dead: 0 })
  }, 60_000)
})
