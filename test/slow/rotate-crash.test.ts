import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { networkInfo, revocationsResponse, rotateResponse, type RevocationDocument } from '@agent-mesh/wire/api'
import { makeScratchDir } from '../e2e/harness/cleanup.ts'
import { createMesh, type Mesh } from '../e2e/harness/mesh.ts'
import { MeshProcess, type UpOptions } from '../e2e/harness/mesh-process.ts'
import { echoBytes, startTcpOrigin } from '../e2e/harness/origins/tcp-origin.ts'

type Name = 'alice' | 'bob' | 'carol'

let mesh: Mesh<Name>
const running: Partial<Record<Name, MeshProcess>> = {}
const node = (name: Name): MeshProcess => running[name] ?? mesh[name]

const preload = pathToFileURL(join(import.meta.dirname, '../e2e/harness/kill-at.ts')).href
const killAt = (moment: string): UpOptions => ({
  env: { MESH_KILL_AT: moment, NODE_OPTIONS: `--no-warnings --import ${preload}` }
})

const up = async (name: Name, options?: UpOptions): Promise<MeshProcess> => {
  const started = await MeshProcess.up(mesh[name].stateDir, options)
  running[name] = started
  return started
}

const restart = async (name: Name, options?: UpOptions): Promise<MeshProcess> => {
  await node(name).stop()
  return up(name, options)
}

const ended = async (process: MeshProcess): Promise<void> =>
  vi.waitFor(() => expect(process.isRunning).toBe(false), { timeout: 15_000, interval: 20 })

const revocations = async (): Promise<RevocationDocument[]> =>
  (await node('alice').json(revocationsResponse, ['revoke', '--list'])).revocations

beforeAll(async () => {
  mesh = await createMesh({ members: ['alice', 'bob', 'carol'] })
  const { port } = await startTcpOrigin('carol', echoBytes)
  await mesh.carol.run(['serve', `echo=tcp://127.0.0.1:${port}`])
  // by peer id: whether the grant moves is seen by it
  const policy = join(await makeScratchDir('policy'), 'policy.yaml')
  await writeFile(policy, `grants:\n  - from: ${mesh.bob.peerId}\n    to: carol\n    services: echo\n`)
  expect((await mesh.alice.run(['policy', 'push', policy])).code).toBe(0)
})

/** Bob is one whole member, under one peer id that the others know by his name and let in by the old grant. */
const expectWhole = async (was: string): Promise<{ peerId: string; isNew: boolean }> => {
  const bob = node('bob')
  const { peerId } = bob
  const shown = await bob.json(networkInfo, ['cert', 'show'])
  expect(shown).toMatchObject({ peerId, name: 'bob' })
  const isNew = peerId !== was
  const wait = { timeout: 20_000, interval: 200 }
  await vi.waitFor(async () => {
    const { code, stdout, stderr } = await bob.run(['nc', 'carol', 'echo'], { input: 'hello' })
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: 'hello' })
  }, wait)
  await vi.waitFor(async () => {
    const list = await revocations()
    const old = list.filter((one) => one.peerId === was)
    expect(old.map(({ successor }) => successor)).toEqual(isNew ? [peerId] : [])
    expect(list.map((one) => one.peerId)).not.toContain(peerId)
    expect((await node('carol').run(['dial', 'bob', '--json'])).stdout).toContain(peerId)
  }, wait)
  await vi.waitFor(async () => {
    const names = await readdir(bob.stateDir)
    expect(names.filter((name) => name.endsWith('.tmp') || name === 'succession.json')).toEqual([])
    if (isNew) expect(names).not.toContain('identity.next.json')
  }, wait)
  // whoever went back to the old key still holds its name for its issuer
  expect((await bob.run(['cert', 'renew'])).stderr).toContain('RATE_LIMITED')
  return { peerId, isNew }
}

const rotate = async (): Promise<void> => {
  const { newPeerId } = await node('bob').json(rotateResponse, ['cert', 'rotate'])
  await restart('bob')
  expect(node('bob').peerId).toBe(newPeerId)
}

describe('cert rotate, killed', () => {
  it.each([
    ['before:place:identity.next.json:1', false],
    ['after:place:identity.next.json:1', false],
    ['before:place:identity.next.json:2', false],
    ['after:place:identity.next.json:2', true]
  ])('at its node, %s', { timeout: 120_000 }, async (moment, isNew) => {
    const { peerId: was } = node('bob')
    const bob = await restart('bob', killAt(moment))
    await bob.run(['cert', 'rotate'])
    await ended(bob)
    await up('bob')
    expect((await expectWhole(was)).isNew).toBe(isNew)
    if (isNew) return
    await rotate()
    expect((await expectWhole(was)).isNew).toBe(true)
  })

  it('as soon as it has answered', { timeout: 120_000 }, async () => {
    const { peerId: was } = node('bob')
    await node('bob').json(rotateResponse, ['cert', 'rotate'])
    await node('bob').kill()
    await up('bob')
    expect((await expectWhole(was)).isNew).toBe(true)
  })

  it.each([
    'before:place:identity.key:1',
    'after:place:identity.key:1',
    'after:place:membership.json:1',
    'after:place:succession.json:1',
    'before:remove:identity.next.json:1',
    'after:remove:identity.next.json:1',
    'before:remove:succession.json:1'
  ])('at the next start, %s', { timeout: 120_000 }, async (moment) => {
    const { peerId: was } = node('bob')
    await node('bob').json(rotateResponse, ['cert', 'rotate'])
    await node('bob').stop()
    const outcome = await up('bob', killAt(moment)).catch((err: unknown) => err)
    if (outcome instanceof MeshProcess) await ended(outcome)
    else expect(String(outcome)).toContain('ended with SIGKILL')
    await up('bob')
    expect((await expectWhole(was)).isNew).toBe(true)
  })

  it.each([
    ['before:place:issued.json:1', false],
    ['after:place:issued.json:1', false],
    ['before:place:revocations.json:1', true],
    ['after:place:revocations.json:1', true]
  ])('at the issuer, %s', { timeout: 120_000 }, async (moment, isNew) => {
    const { peerId: was } = node('bob')
    const alice = await restart('alice', killAt(moment))
    await vi.waitFor(async () => expect((await node('bob').run(['dial', 'alice'])).code).toBe(0), 20_000)
    await node('bob').run(['cert', 'rotate'])
    await ended(alice)
    await restart('bob')
    await up('alice')
    expect((await expectWhole(was)).isNew).toBe(isNew)
    if (isNew) return
    await rotate()
    expect((await expectWhole(was)).isNew).toBe(true)
  })
})

describe('cert rotate of the root, killed', () => {
  it.each([
    ['after:place:identity.next.json:1', false],
    ['after:place:issued.json:1', false],
    // the key is there from the first attempt, so that the first write is that of the certificate
    ['after:place:identity.next.json:1', true],
    ['before:place:revocations.json:1', true],
    ['after:place:revocations.json:1', true]
  ])('%s', { timeout: 120_000 }, async (moment, isNew) => {
    const { peerId: was } = node('alice')
    const alice = await restart('alice', killAt(moment))
    await alice.run(['cert', 'rotate'])
    await ended(alice)
    const { peerId } = await up('alice')
    expect(peerId !== was).toBe(isNew)
    const { stdout } = await node('alice').run(['cert', 'show', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ peerId, name: 'alice', hasRootKey: true })
    await vi.waitFor(
      async () => {
        const old = (await revocations()).filter((one) => one.peerId === was)
        expect(old.map(({ successor }) => successor)).toEqual(isNew ? [peerId] : [])
        expect((await node('bob').run(['dial', 'alice', '--json'])).stdout).toContain(peerId)
      },
      { timeout: 20_000, interval: 200 }
    )
  })
})
