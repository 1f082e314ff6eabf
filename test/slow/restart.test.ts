import { beforeEach, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { createMesh, waitForPeers, type Mesh } from '../e2e/harness/mesh.ts'
import { MeshProcess } from '../e2e/harness/mesh-process.ts'
import { startHttpOrigin } from '../e2e/harness/origins/http-origin.ts'

const served = 'language_processing/translation'
const published = 'vision/ocr'

let mesh: Mesh<'alice' | 'bob' | 'carol'>
let port = 0

const read = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text()

/** Names of the agents that a node finds for a capability. */
const namesFor = async (node: MeshProcess, capability: string): Promise<Array<string | undefined>> =>
  (await node.find(capability)).map((candidate) => candidate.name)

const expectFound = async (node: MeshProcess, capability: string, name: string): Promise<void> => {
  await vi.waitFor(async () => expect(await namesFor(node, capability)).toEqual([name]), {
    timeout: 30_000,
    interval: 250
  })
}

beforeEach(async () => {
  mesh = await createMesh({ members: ['alice', 'bob', 'carol'] })
  const origin = await startHttpOrigin('bob-web')
  await mesh.bob.serve(`web=${origin.url}`, served)
  await mesh.bob.json(z.unknown(), ['publish', published, '--service', 'web'])
  await expectFound(mesh.carol, served, 'bob')
  port = (await mesh.carol.forward('bob/web')).port
  expect(await read()).toBe('bob-web\n')
})

test('a member that comes back finds its network without the one that invited it', async () => {
  const { alice, bob, carol } = mesh
  expect(await alice.stop()).toBe(0)
  expect(await carol.stop()).toBe(0)
  const again = await MeshProcess.up(carol.stateDir)
  expect(again.peerId).toBe(carol.peerId)
  expect(again.ready.addresses).toEqual(carol.ready.addresses)
  await waitForPeers([again], 1)
  expect((await again.peers()).map(({ peerId }) => peerId)).toEqual([bob.peerId])
  await expectFound(again, published, 'bob')
  const { forwards } = await again.status()
  expect(forwards).toMatchObject([{ listen: `127.0.0.1:${port}`, target: 'bob/web', isPersistent: true }])
  expect(await read()).toBe('bob-web\n')
})

test('what a provider offers comes back with it, after a kill too', async () => {
  const { alice, bob, carol } = mesh
  await alice.stop()
  await bob.kill()
  const again = await MeshProcess.up(bob.stateDir)
  expect(again.ready.addresses).toEqual(bob.ready.addresses)
  await waitForPeers([again, carol], 1)
  const { services, capabilities } = await again.status()
  expect(services).toMatchObject([{ name: 'web', kind: 'http' }])
  expect(capabilities).toEqual(
    expect.arrayContaining([
      { capability: served, service: 'web' },
      { capability: published, service: 'web' }
    ])
  )
  await vi.waitFor(async () => expect((await again.status()).publication).toMatchObject({ storedBy: 1 }), {
    timeout: 30_000,
    interval: 250
  })
  for (const capability of [served, published, 'vision', 'language_processing'])
    await expectFound(carol, capability, 'bob')
  await vi.waitFor(async () => expect(await read()).toBe('bob-web\n'), { timeout: 20_000, interval: 250 })
})

test('what was taken back stays away after a restart', async () => {
  const { bob, carol } = mesh
  await bob.json(z.unknown(), ['unpublish', published])
  await carol.json(z.unknown(), ['forward', '--remove', `127.0.0.1:${port}`])
  await bob.stop()
  await carol.stop()
  const [bobAgain, carolAgain] = [await MeshProcess.up(bob.stateDir), await MeshProcess.up(carol.stateDir)]
  expect((await bobAgain.status()).capabilities).toEqual([{ capability: served, service: 'web' }])
  expect((await carolAgain.status()).forwards).toEqual([])
  await waitForPeers([bobAgain, carolAgain], 1)
  await expectFound(carolAgain, served, 'bob')
  expect(await namesFor(carolAgain, published)).toEqual([])
})
