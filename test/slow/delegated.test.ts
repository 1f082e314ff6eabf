import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { inviteResponse, networkInfo, revocation, whyResponse } from '@agent-mesh/wire/api'
import { makeScratchDir } from '../e2e/harness/cleanup.ts'
import { meshNode, meshNodeJson } from '../e2e/harness/command.ts'
import { createMesh, waitForPeers, type Mesh } from '../e2e/harness/mesh.ts'
import { MeshProcess } from '../e2e/harness/mesh-process.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

let mesh: Mesh<'alice' | 'carol'>
let delegate: MeshProcess
let worker: MeshProcess
let folder = ''

const joinWith = async (ticket: string, name: string): Promise<string> => {
  const stateDir = join(folder, name)
  await meshNodeJson(z.unknown(), ['join', ticket, '--name', name], { stateDir })
  return stateDir
}

beforeAll(async () => {
  folder = await makeScratchDir('delegated')
  mesh = await createMesh({ members: ['alice', 'carol'] })
  const { ticket } = await mesh.alice.json(inviteResponse, ['invite', '--admit', '--group', 'ci', '--expires', '1h'])
  delegate = await MeshProcess.up(await joinWith(ticket, 'delegate'))
})

const refused = async (node: MeshProcess, args: string[], code: string): Promise<void> => {
  const result = await node.run(args)
  expect(result.code, result.stdout + result.stderr).toBe(3)
  expect(result.stderr).toContain(code)
}

const nearly = (text: string, ms: number): void => {
  expect(Math.abs(Date.parse(text) - Date.now() - ms)).toBeLessThan(60_000)
}

describe('a member that may admit', () => {
  const invitation = ['invite', '--group', 'ci', '--uses', '1', '--expires', '24h', '--ephemeral', '7d']

  it('admits one member into its group, for a week, while the root is away', async () => {
    await mesh.alice.stop()
    const invited = await delegate.json(inviteResponse, invitation)
    expect(invited).toMatchObject({ uses: 1, groups: ['ci'] })
    nearly(invited.expires, dayMs)
    worker = await MeshProcess.up(await joinWith(invited.ticket, 'worker'))
    await waitForPeers([worker], 1)
    const shown = await worker.json(networkInfo, ['cert', 'show'])
    expect(shown).toMatchObject({ name: 'worker', groups: ['ci'], mayAdmit: false })
    expect(shown.certificate).toMatchObject({ issuer: delegate.peerId, isIssuedByRoot: false })
    nearly(shown.certificate.notAfter, 7 * dayMs)
    const second = await meshNode(['join', invited.ticket, '--name', 'other'], { stateDir: join(folder, 'other') })
    expect(second.code).toBe(3)
    expect(second.stderr).toContain('TICKET_USED')
    await refused(worker, ['cert', 'renew'], 'DENIED')
    await refused(worker, ['cert', 'rotate'], 'DENIED')
  })

  it('whose member everybody takes for one', async () => {
    mesh = { ...mesh, alice: await MeshProcess.up(mesh.alice.stateDir) }
    await vi.waitFor(
      async () => {
        for (const node of [mesh.alice, mesh.carol]) {
          const { code, stdout } = await node.run(['dial', 'worker', '--json'])
          expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining(worker.peerId) })
        }
      },
      { timeout: 20_000, interval: 200 }
    )
    const { steps } = await mesh.carol.json(whyResponse, ['why', 'worker'])
    expect(steps.find(({ layer }) => layer === 'certificate')?.text).toContain(`issued by ${delegate.peerId}`)
  })

  it('admits into no other group, makes no delegates, and takes no name', async () => {
    await refused(delegate, ['invite', '--group', 'ops'], 'NOT_ISSUER')
    await refused(delegate, ['invite', '--group', 'ci', '--group', 'admin'], 'NOT_ISSUER')
    await refused(delegate, ['invite', '--admit'], 'NOT_ISSUER')
    const { ticket } = await delegate.json(inviteResponse, invitation)
    for (const name of ['carol', 'worker', 'delegate', 'alice']) {
      const taken = await meshNode(['join', ticket, '--name', name], { stateDir: join(folder, 'taker') })
      expect(taken.stderr, name).toContain('NAME_TAKEN')
    }
    for (const node of [worker, mesh.carol]) await refused(node, ['invite'], 'NOT_ISSUER')
  })

  it('gives out tickets that end', async () => {
    const { ticket } = await delegate.json(inviteResponse, ['invite', '--group', 'ci', '--expires', '1h'])
    await delegate.stop()
    // an hour passes
    const file = join(delegate.stateDir, 'invites.json')
    const invites = z.array(z.looseObject({ expiresMs: z.number() })).parse(JSON.parse(await readFile(file, 'utf8')))
    const passed = invites.map((one) => ({ ...one, expiresMs: one.expiresMs - 2 * hourMs }))
    await writeFile(file, JSON.stringify(passed))
    delegate = await MeshProcess.up(delegate.stateDir)
    const late = await meshNode(['join', ticket, '--name', 'late'], { stateDir: join(folder, 'late') })
    expect(late.stderr).toContain('TICKET_EXPIRED')
    expect(late.code).toBe(3)
  })

  it('revokes whom it admitted, and nobody else', async () => {
    await refused(delegate, ['revoke', mesh.carol.peerId], 'NOT_ADMIN')
    const made = await delegate.json(revocation, ['revoke', 'worker'])
    expect(made).toMatchObject({ name: 'worker', right: 'delegate', by: delegate.peerId })
    await vi.waitFor(
      async () => expect((await worker.peers()).filter(({ state }) => state === 'connected')).toEqual([]),
      { timeout: 10_000, interval: 50 }
    )
    await refused(mesh.carol, ['dial', worker.peerId], 'REVOKED')
  })
})
