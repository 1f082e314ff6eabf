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
