import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { inviteResponse, networkInfo, revocation, revocationsResponse } from '@agent-mesh/wire/api'
import { makeScratchDir } from '../e2e/harness/cleanup.ts'
import { meshNodeJson } from '../e2e/harness/command.ts'
import { waitForPeers } from '../e2e/harness/mesh.ts'
import { MeshProcess } from '../e2e/harness/mesh-process.ts'
import { echoBytes, startTcpOrigin } from '../e2e/harness/origins/tcp-origin.ts'

/** Alice has the root key, bob and carol are admins by her word, dave is nobody in particular. */
let alice: MeshProcess
let bob: MeshProcess
let carol: MeshProcess
let dave: MeshProcess
let folder = ''

const joined = async (name: string, groups: string[]): Promise<MeshProcess> => {
  const { ticket } = await alice.json(inviteResponse, ['invite', ...groups.flatMap((group) => ['--group', group])])
  const stateDir = join(folder, name)
  await meshNodeJson(z.unknown(), ['join', ticket, '--name', name], { stateDir })
  return MeshProcess.up(stateDir)
}

beforeAll(async () => {
  folder = await makeScratchDir('admins')
  await meshNodeJson(networkInfo, ['network', 'create', '--name', 'alice', '--policy-signatures', '2'], {
    stateDir: join(folder, 'alice')
  })
  alice = await MeshProcess.up(join(folder, 'alice'))
  bob = await joined('bob', ['admin'])
  carol = await joined('carol', ['admin'])
  dave = await joined('dave', [])
  await waitForPeers([alice], 3)
  const { port } = await startTcpOrigin('alice', echoBytes)
  await alice.run(['serve', `echo=tcp://127.0.0.1:${port}`])
})

const everybody = (): MeshProcess[] => [alice, bob, carol, dave]

const write = async (name: string, from: string): Promise<string> => {
  const file = join(folder, name)
  await writeFile(file, `grants:\n  - from: ${from}\n    to: alice\n    services: echo\n`)
  return file
}

const allHold = async (version: number): Promise<void> =>
  vi.waitFor(
    async () => {
      const held = await Promise.all(everybody().map(async ({ client }) => (await client.policyStatus()).version))
      expect(held).toEqual(everybody().map(() => version))
    },
    { timeout: 10_000, interval: 50 }
  )

const refused = async (node: MeshProcess, args: string[], code: string | RegExp): Promise<void> => {
  const result = await node.run(args)
  expect(result.code, result.stderr).toBe(3)
  expect(result.stderr).toMatch(code)
}

const echoed = async (node: MeshProcess): Promise<number | null> =>
  (await node.run(['nc', 'alice', 'echo'], { input: 'hello' })).code

describe('a network whose policy takes two signatures', () => {
  it('refuses one admin alone, the same one twice, and who is no admin', async () => {
    const file = await write('policy.yaml', 'bob')
    await refused(alice, ['policy', 'push', file], 'POLICY_REFUSED')
    const signed = await alice.run(['policy', 'sign', file])
    expect(signed.stdout).toContain('version 1, signed by 1 of 2 admins')
    expect(signed.stdout).toContain(`mesh-node policy sign ${file}.signed`)
    await refused(alice, ['policy', 'push', `${file}.signed`], 'POLICY_REFUSED')
    await refused(dave, ['policy', 'sign', `${file}.signed`], 'NOT_ADMIN')
    await refused(dave, ['policy', 'push', `${file}.signed`], 'NOT_ADMIN')
    // not a byte of what was signed may be another
    const forged = join(folder, 'forged.signed')
    const [head = '', body = ''] = (await readFile(`${file}.signed`, 'utf8')).split('\n')
    const bytes = Buffer.from(body, 'base64')
    bytes[bytes.length - 3] = (bytes.at(-3) ?? 0) ^ 1
    await writeFile(forged, `${head}\n${bytes.toString('base64')}\n`)
    const result = await bob.run(['policy', 'push', forged])
    expect(result.code, result.stdout).not.toBe(0)
    for (const { client } of everybody()) expect((await client.policyStatus()).state).toBe('none')
    expect(await echoed(dave)).toBe(0)
  })

  it('takes what a second admin signs and anybody pushes, and holds everywhere', async () => {
    const file = join(folder, 'policy.yaml.signed')
    const signed = await bob.run(['policy', 'sign', file])
    expect(signed.stdout).toContain('signed by 2 of 2 admins')
    expect((await dave.run(['policy', 'push', file])).code).toBe(0)
    await allHold(1)
    expect(await echoed(bob)).toBe(0)
    expect(await echoed(dave)).toBe(3)
    const { signers } = await carol.client.policyStatus()
    expect(signers.map(({ name }) => name).toSorted()).toEqual(['', 'bob'])
  })

  it('takes the push of the second admin for its signature, without the root', async () => {
    const file = await write('next.yaml', 'dave')
    await carol.run(['policy', 'sign', file])
    expect((await bob.run(['policy', 'push', `${file}.signed`])).code).toBe(0)
    await allHold(2)
    expect(await echoed(dave)).toBe(0)
    expect(await echoed(bob)).toBe(3)
    const result = await alice.run(['policy', 'push', join(folder, 'policy.yaml.signed')])
    expect(result.code).toBe(1)
    expect(result.stderr).toContain('POLICY_OUTDATED')
  })
})

describe('an admin who is not the founder', () => {
  it('revokes for the whole network, and admits nobody', async () => {
    await refused(bob, ['invite'], 'NOT_ISSUER')
    await refused(dave, ['revoke', 'bob'], 'NOT_ADMIN')
    const made = await bob.json(revocation, ['revoke', 'dave', '--reason', 'left the company'])
    expect(made).toMatchObject({ name: 'dave', peerId: dave.peerId, right: 'admin', by: bob.peerId })
    for (const node of [alice, bob, carol]) {
      // who was not connected to dave has nobody to lose, and hears of it all the same
      await vi.waitFor(
        async () => {
          expect((await node.peers()).map(({ peerId }) => peerId)).not.toContain(dave.peerId)
          const { revocations } = await node.json(revocationsResponse, ['revoke', '--list'])
          expect(revocations).toMatchObject([{ peerId: dave.peerId, by: bob.peerId, reason: 'left the company' }])
        },
        { timeout: 10_000, interval: 50 }
      )
    }
    expect(await echoed(dave)).not.toBe(0)
    // the word of the root is above that of an admin
    expect((await alice.json(revocation, ['revoke', 'bob'])).right).toBe('root')
    // its node may have been told so before, when it dialled by itself
    await refused(bob, ['dial', alice.peerId], /REVOKED|not admitted any more.*REFUSED_EARLIER/s)
  })
})
