import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { networkInfo, revocation, signResponse } from '@agent-mesh/wire/api'
import { makeScratchDir } from '../e2e/harness/cleanup.ts'
import { meshNodeJson } from '../e2e/harness/command.ts'
import { createMesh, createNetwork, joinAs, waitForPeers } from '../e2e/harness/mesh.ts'
import { MeshProcess } from '../e2e/harness/mesh-process.ts'

describe('revoke', () => {
  it('puts a member out for good, and a new ticket under the same name brings it back', async () => {
    const { alice, bob } = await createMesh({ members: ['alice', 'bob'] })
    const made = await alice.json(revocation, ['revoke', 'bob', '--reason', 'laptop lost'])
    expect(made).toMatchObject({ name: 'bob', peerId: bob.peerId, reason: 'laptop lost', right: 'root' })
    await vi.waitFor(async () => expect(await bob.peers()).toEqual([]), { timeout: 5_000 })
    const dial = await alice.run(['dial', bob.peerId])
    expect(dial.code).toBe(3)
    expect(dial.stderr).toContain('REVOKED')
    const denied = await bob.run(['revoke', 'alice'])
    expect(denied.code).toBe(3)
    expect(denied.stderr).toContain('NOT_ADMIN')
    const list = await alice.run(['revoke', '--list'])
    expect(list.stdout).toContain(bob.peerId)
    await bob.stop()
    await bob.run(['network', 'leave'])
    await joinAs(alice, 'bob', bob.stateDir)
    const again = await MeshProcess.up(bob.stateDir)
    expect(again.peerId).toBe(bob.peerId)
    await waitForPeers([alice, again], 1)
  })
})

describe('a revocation', () => {
  it('by name, by peer id and by serial holds over restarts, until there is a new certificate', async () => {
    let { alice, ...members } = await createMesh({ members: ['alice', 'bob', 'carol', 'dora'] })
    for (const [name, member] of Object.entries(members)) await member.run(['publish', `skill/${name}`])
    await waitForPeers([alice], 3)
    const find = async (): Promise<string[]> =>
      (await alice.client.find({ query: 'skill' })).candidates.map(({ peerId }) => peerId)
    await vi.waitFor(async () => expect(await find()).toHaveLength(3), { timeout: 20_000, interval: 200 })
    const { certificate } = await members.dora.json(networkInfo, ['cert', 'show'])
    const ways = { bob: 'bob', carol: members.carol.peerId, dora: certificate.serial } as const
    for (const [name, who] of Object.entries(ways)) {
      const made = await alice.json(revocation, ['revoke', who])
      expect(made).toMatchObject({ name, right: 'root' })
      expect(made.serial).toBe(name === 'dora' ? certificate.serial : undefined)
    }
    const expectGone = async (): Promise<void> => {
      expect(await find()).toEqual([])
      for (const [name, { peerId }] of Object.entries(members)) {
        expect((await alice.run(['dial', name])).stderr).toContain('NAME_UNKNOWN')
        const dial = await alice.run(['dial', peerId])
        expect(dial.stderr).toMatch(/REVOKED|REFUSED_EARLIER/)
        expect(dial.code).toBe(3)
        expect((await alice.peers()).map((peer) => peer.peerId)).not.toContain(peerId)
      }
    }
    await expectGone()
    await alice.stop()
    alice = await MeshProcess.up(alice.stateDir)
    for (const name of ['bob', 'carol', 'dora'] as const) {
      await members[name].stop()
      members = { ...members, [name]: await MeshProcess.up(members[name].stateDir) }
      // its old certificate is shown again, and counts no more
      const { code, stderr } = await members[name].run(['dial', alice.peerId])
      expect(code).toBe(3)
      expect(stderr).toMatch(/REVOKED|REFUSED_EARLIER/)
    }
    await expectGone()
    for (const name of ['bob', 'carol', 'dora'] as const) {
      const { stateDir, peerId } = members[name]
      await members[name].stop()
      await members[name].run(['network', 'leave'])
      await joinAs(alice, name, stateDir)
      members = { ...members, [name]: await MeshProcess.up(stateDir) }
      expect(members[name].peerId).toBe(peerId)
    }
    await waitForPeers([alice], 3)
    for (const name of ['bob', 'carol', 'dora']) expect((await alice.run(['dial', name])).code, name).toBe(0)
  })
})

describe('a certificate as text', () => {
  it('makes a member of a node that no issuer could be reached from', async () => {
    const scratch = await makeScratchDir('e2e')
    const [issuer, joiner] = [join(scratch, 'alice'), join(scratch, 'bob')]
    await createNetwork('alice', issuer)
    const { request } = await meshNodeJson(
      z.object({ request: z.string().startsWith('meshreq1') }),
      ['cert', 'request', '--name', 'bob', '--groups', 'workers,ci'],
      { stateDir: joiner }
    )
    // on disk, then by the running node
    const first = await meshNodeJson(signResponse, ['cert', 'sign', request, '--groups', 'workers'], {
      stateDir: issuer
    })
    expect(first).toMatchObject({ name: 'bob', groups: ['workers'] })
    const alice = await MeshProcess.up(issuer)
    const signed = await alice.json(signResponse, ['cert', 'sign', request, '--ephemeral', '7d'])
    expect(signed).toMatchObject({ name: 'bob', groups: ['workers', 'ci'] })
    await meshNodeJson(networkInfo, ['cert', 'import', signed.certificate], { stateDir: joiner })
    const shown = await meshNodeJson(networkInfo, ['cert', 'show'], { stateDir: joiner })
    expect(shown.certificate.serial).toBe(signed.serial)
    const bob = await MeshProcess.up(joiner)
    await waitForPeers([alice, bob], 1)
  })
})
