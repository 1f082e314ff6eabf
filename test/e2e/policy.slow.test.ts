import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { inviteResponse } from '@agent-mesh/wire/api'
import { makeScratchDir } from './harness/cleanup.ts'
import { meshNodeJson } from './harness/command.ts'
import { createMesh, createNetwork, joinAs, waitForPeers, type Mesh } from './harness/mesh.ts'
import { MeshProcess } from './harness/mesh-process.ts'
import { echoBytes, startTcpOrigin, type TcpOrigin } from './harness/origins/tcp-origin.ts'

let scratch: string

beforeAll(async () => {
  scratch = await makeScratchDir('policy')
})

const fileOf = async (name: string, source: string): Promise<string> => {
  const path = join(scratch, `${name}.yaml`)
  await writeFile(path, source)
  return path
}

const push = async (node: MeshProcess, source: string): Promise<string> => {
  const { code, stdout, stderr } = await node.run(['policy', 'push', await fileOf(node.name, source)])
  expect(code, stderr).toBe(0)
  return stdout + stderr
}

const holds = async (node: MeshProcess, version: number): Promise<void> =>
  vi.waitFor(async () => expect((await node.client.policyStatus()).version).toBe(version), {
    timeout: 30_000,
    interval: 100
  })

describe('a denied open', () => {
  let mesh: Mesh<'alice' | 'bob'>
  let origin: TcpOrigin
  const hello = 'bytes that nobody may see'

  beforeAll(async () => {
    mesh = await createMesh({ members: ['alice', 'bob'] })
    origin = await startTcpOrigin('alice', echoBytes)
    await mesh.alice.serve(`web=tcp://127.0.0.1:${origin.port}`)
  })

  const connections = (): number => origin.open + origin.ends.length
  const call = async () => mesh.bob.run(['nc', 'alice', 'web'], { input: hello })

  /** Neither a connection nor a byte comes to the service. */
  const isDenied = async (why: string): Promise<void> => {
    const before = [connections(), origin.receivedBytes]
    const { code, stderr } = await call()
    expect(code, stderr).toBe(3)
    expect(stderr).toContain(why)
    expect([connections(), origin.receivedBytes], 'the service has seen nothing').toEqual(before)
  }

  it('brings the service no byte where the policy grants nothing, and the screen warns of that', async () => {
    expect((await call()).stdout, 'without a policy it is open').toBe(hello)
    const file = await fileOf('empty', 'grants: []\n')
    const warning = /warning: .*every member is denied everything/
    for (const verb of [
      ['policy', 'check', file],
      ['policy', 'push', file],
      ['policy', 'status']
    ]) {
      const { code, stderr } = await mesh.alice.run(verb)
      expect(code, stderr).toBe(0)
      expect(stderr, verb.join(' ')).toMatch(warning)
    }
    await isDenied('DENIED')
  })

  it('is allowed by a policy that allows everything, of which the screen warns', async () => {
    const file = await fileOf('all', "grants: [{from: members, to: members, services: '*'}]\n")
    for (const verb of [
      ['policy', 'check', file],
      ['policy', 'push', file],
      ['policy', 'status']
    ]) {
      const { code, stderr } = await mesh.alice.run(verb)
      expect(code, stderr).toBe(0)
      expect(stderr, verb.join(' ')).toMatch(/warning: .*every member/i)
    }
    expect((await call()).stdout).toBe(hello)
  })

  it('brings it no byte after the instant until which it was granted', async () => {
    const untilMs = Date.now() + 15_000
    const until = new Date(untilMs).toISOString()
    await push(mesh.alice, `grants: [{from: bob, to: alice, services: web, until: ${until}}]\n`)
    const { code, stderr } = await call()
    expect(code, stderr).toBe(0)
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(untilMs), { timeout: 20_000, interval: 100 })
    await isDenied('DENIED')
  })

  it('brings it no byte where the caller was revoked', async () => {
    await push(mesh.alice, 'grants: [{from: bob, to: alice, services: web}]\n')
    expect((await call()).stdout).toBe(hello)
    const { port } = await mesh.bob.forward('alice/web')
    await mesh.alice.run(['revoke', 'bob'])
    const before = [connections(), origin.receivedBytes]
    const answer = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(10_000) }).catch(
      (err: unknown) => err
    )
    expect(answer).toBeInstanceOf(Error)
    expect((await call()).code).not.toBe(0)
    expect([connections(), origin.receivedBytes], 'the service has seen nothing').toEqual(before)
  })
})

describe('a member that joins a network with a policy', () => {
  it('denies from its first moment on, also where nobody is there who could bring the policy', async () => {
    const mesh = await createMesh({ members: ['alice', 'bob'] })
    await push(mesh.alice, 'grants: []\n')
    const origin = await startTcpOrigin('carol', echoBytes)
    const stateDir = join(scratch, 'carol')
    await joinAs(mesh.alice, 'carol', stateDir)
    const bobsAddress = mesh.bob.ready.addresses
    await mesh.alice.stop()
    await mesh.bob.stop()
    const alone = await MeshProcess.up(stateDir)
    expect(await alone.client.policyStatus()).toMatchObject({ state: 'awaited', version: 0 })
    expect((await alone.run(['policy', 'status'])).stdout).toContain('everything is denied')
    await alone.serve(`web=tcp://127.0.0.1:${origin.port}`)
    const bob = await MeshProcess.up(mesh.bob.stateDir, {
      args: alone.ready.addresses.flatMap((one) => ['--bootstrap', one])
    })
    expect(bob.ready.addresses).toEqual(bobsAddress)
    await waitForPeers([bob, alone], 1)
    const { code, stderr } = await bob.run(['nc', 'carol', 'web'], { input: 'hello' })
    expect(code, stderr).toBe(3)
    expect(origin.receivedBytes).toBe(0)
    await holds(alone, 1)
  })
})

describe('two policies of one version', () => {
  it('come to be one everywhere, which every holder of both is told, and which survives restart and damage', async () => {
    const founder = join(scratch, 'ann')
    await createNetwork('ann', founder)
    let ann = await MeshProcess.up(founder)
    const { ticket } = await ann.json(inviteResponse, ['invite', '--group', 'admin'])
    const [second, third] = [join(scratch, 'ben'), join(scratch, 'cem')]
    await meshNodeJson(z.unknown(), ['join', ticket, '--name', 'ben'], { stateDir: second })
    await joinAs(ann, 'cem', third)
    let ben = await MeshProcess.up(second)
    let cem = await MeshProcess.up(third)
    await waitForPeers([ann], 2)
    await push(ann, 'grants: []\n')
    for (const node of [ben, cem]) await holds(node, 1)
    // each of the two pushes version 2 alone, and the third is away
    await cem.stop()
    await ben.stop()
    await push(ann, 'grants: [{from: name:ben, to: name:ann, services: one}]\n')
    await ann.stop()
    ben = await MeshProcess.up(second)
    await push(ben, 'grants: [{from: name:ann, to: name:ben, services: two}]\n')
    ann = await MeshProcess.up(founder)
    cem = await MeshProcess.up(third)
    const hashes = async () =>
      Promise.all([ann, ben, cem].map(async ({ client }) => (await client.policyStatus()).hash ?? 'none'))
    await vi.waitFor(
      async () => {
        expect(new Set(await hashes()).size).toBe(1)
        const forks = await Promise.all([ann, ben].map(async ({ client }) => (await client.policyStatus()).hasFork))
        expect(forks.some(Boolean)).toBe(true)
      },
      { timeout: 60_000, interval: 200 }
    )
    const screens = await Promise.all([ann, ben].map(async (node) => (await node.run(['policy', 'status'])).stderr))
    expect(screens.join('\n')).toContain('POLICY_FORK')
    const [hash] = await hashes()
    await holds(cem, 2)
    // a restart with nobody else there
    await Promise.all([ann.stop(), ben.stop()])
    await cem.stop()
    cem = await MeshProcess.up(third)
    expect(await cem.client.policyStatus()).toMatchObject({ state: 'held', version: 2, hash })
    await cem.stop()
    await writeFile(join(third, 'policy.signed'), 'no policy')
    cem = await MeshProcess.up(third)
    expect(await cem.client.policyStatus()).toMatchObject({ state: 'damaged', version: 0 })
    ann = await MeshProcess.up(founder)
    await holds(cem, 2)
    expect(await cem.client.policyStatus()).toMatchObject({ state: 'held', hash })
  })
})
