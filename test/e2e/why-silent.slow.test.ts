import { beforeAll, describe, expect, it } from 'vitest'
import { whyResponse } from '@agent-mesh/wire/api'
import { createMesh, waitForPeers, type Mesh } from './harness/mesh.ts'
import { startTcpOrigin } from './harness/origins/tcp-origin.ts'

let mesh: Mesh<'alice' | 'bob' | 'carol'>

/** The first step that fails for bob, and the command that it names. */
const failing = async (): Promise<{ layer: string; command: string | undefined } | undefined> => {
  const { stdout } = await mesh.bob.run(['why', 'alice/echo', '--json'], { timeoutMs: 60_000 })
  const { failed } = whyResponse.parse(JSON.parse(stdout))
  return failed === undefined ? undefined : { layer: failed.layer, command: failed.command }
}

/** What bob knows of alice. */
const state = async (): Promise<string | undefined> => {
  const peers = await mesh.bob.client.peers()
  return peers.find(({ peerId }) => peerId === mesh.alice.peerId)?.health?.state
}

beforeAll(async () => {
  mesh = await createMesh({ members: ['alice', 'bob', 'carol'] })
  const { port } = await startTcpOrigin('echo', (socket) => void socket.pipe(socket))
  await mesh.alice.serve(`echo=tcp://127.0.0.1:${port}`)
  await waitForPeers([mesh.bob, mesh.carol], 2)
})

describe('why, of an agent that says nothing', () => {
  it('finds nothing wrong while it works', async () => {
    await expect.poll(state, { timeout: 20_000 }).toBe('alive')
    expect(await failing()).toBeUndefined()
  })

  it('names the path while its node stands still, health once the others have given it up, and nothing when it is back', async () => {
    process.kill(mesh.alice.pid, 'SIGSTOP')
    expect(await failing()).toMatchObject({ layer: 'path', command: expect.stringMatching(/\S/) })
    await expect.poll(state, { timeout: 60_000 }).toBe('dead')
    expect(await failing()).toMatchObject({ layer: 'health', command: expect.stringMatching(/\S/) })
    process.kill(mesh.alice.pid, 'SIGCONT')
    await expect.poll(state, { timeout: 60_000 }).toBe('alive')
    await expect.poll(failing, { timeout: 60_000 }).toBeUndefined()
  })

  it('names the addresses right after its node was killed, and health a little later', async () => {
    await mesh.alice.kill()
    expect(await failing()).toMatchObject({ layer: 'addresses', command: expect.stringMatching(/\S/) })
    await expect.poll(state, { timeout: 60_000 }).toBe('dead')
    expect(await failing()).toMatchObject({ layer: 'health', command: expect.stringMatching(/\S/) })
  })
})
