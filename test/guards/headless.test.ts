/**
 * A network whose bootstrap, issuer and admins are all down goes on: tunnels live, new ones to known peers open, a member
 * that is started again comes back without them, the policy still decides, and a certificate that ends keeps its word. Real
 * processes. The short form keeps
 * them down for 40 s, the whole one for 10 min.
 */
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { issueCertificate, loadKey, verifyChain } from '@agent-mesh/identity'
import { saveMembership, stateFiles } from '@agent-mesh/node'
import { limits } from '@agent-mesh/wire'
import { inviteResponse } from '@agent-mesh/wire/api'
import { makeScratchDir } from '../e2e/harness/cleanup.ts'
import { meshNodeJson } from '../e2e/harness/command.ts'
import { createNetwork, joinAs, waitForPeers } from '../e2e/harness/mesh.ts'
import { MeshProcess } from '../e2e/harness/mesh-process.ts'
import { echoBytes, startTcpOrigin, type TcpOrigin } from '../e2e/harness/origins/tcp-origin.ts'
import { inForm } from './harness/form.ts'

const downMs = inForm({ short: 40_000, full: 600_000 })
/** While all admins are down, something is asked this often. */
const everyMs = 2_000

let scratch: string
/** The founder: bootstrap of all, issuer of all, holder of the root key. */
let root: MeshProcess
let admin: MeshProcess
let bob: MeshProcess
let carol: MeshProcess
let dave: MeshProcess
let origin: TcpOrigin

beforeAll(async () => {
  scratch = await makeScratchDir('headless')
  origin = await startTcpOrigin('bob', echoBytes)
  await createNetwork('root', join(scratch, 'root'))
  root = await MeshProcess.up(join(scratch, 'root'))
  const { ticket } = await root.json(inviteResponse, ['invite', '--group', 'admin'])
  await meshNodeJson(z.unknown(), ['join', ticket, '--name', 'admin'], { stateDir: join(scratch, 'admin') })
  for (const name of ['bob', 'carol', 'dave']) await joinAs(root, name, join(scratch, name))
  const up = async (name: string): Promise<MeshProcess> => MeshProcess.up(join(scratch, name))
  ;[admin, bob, carol, dave] = await Promise.all([up('admin'), up('bob'), up('carol'), up('dave')])
  await waitForPeers([root], 4)
  await bob.serve(`echo=tcp://127.0.0.1:${origin.port}`)
  const file = join(scratch, 'policy.yaml')
  await writeFile(file, 'grants: [{from: carol, to: bob, services: echo}]\n')
  await admin.run(['policy', 'push', file])
  for (const node of [bob, carol, dave])
    await vi.waitFor(async () => expect((await node.client.policyStatus()).version).toBe(1), {
      timeout: 30_000,
      interval: 100
    })
}, 300_000)

const ping = async (socket: Socket, text: string): Promise<void> => {
  const answer = once(socket, 'data', { signal: AbortSignal.timeout(10_000) })
  socket.write(text)
  expect(String((await answer)[0])).toBe(text)
}

const call = async (node: MeshProcess, text: string) => node.run(['nc', 'bob', 'echo'], { input: text })

test(
  'with bootstrap, issuer and every admin down the network goes on',
  async () => {
    const { port } = await carol.forward('bob/echo')
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    await ping(socket, 'before')
    const before = await bob.status()
    await Promise.all([root.kill(), admin.kill()])
    const startedMs = performance.now()

    // one that is started again finds the others by itself
    expect(await dave.stop()).toBe(0)
    dave = await MeshProcess.up(dave.stateDir)
    await waitForPeers([dave], 1)
    const backMs = performance.now() - startedMs
    expect((await dave.client.policyStatus()).version).toBe(1)

    let rounds = 0
    while (performance.now() - startedMs < downMs) {
      rounds++
      await ping(socket, `round ${rounds}`)
      const allowed = await call(carol, `new ${rounds}`)
      expect(allowed.stdout, allowed.stderr).toBe(`new ${rounds}`)
      if (rounds % 5 === 1) {
        const receivedBytes = origin.receivedBytes
        const denied = await call(dave, 'nobody may see this')
        expect(denied.code, denied.stderr).toBe(3)
        expect(origin.receivedBytes).toBe(receivedBytes)
      }
      const dueMs = startedMs + rounds * everyMs
      if (performance.now() < dueMs)
        await vi.waitFor(() => expect(performance.now()).toBeGreaterThan(dueMs), { timeout: 2 * everyMs, interval: 50 })
    }
    // nobody is left who could admit, and whoever asks is told so
    const refused = await bob.run(['invite'])
    expect(refused.code, refused.stderr).not.toBe(0)
    expect(refused.stderr).toContain('NOT_ISSUER')
    process.stderr.write(
      `headless: ${rounds} rounds in ${(downMs / 1000).toFixed(0)} s; the member that was started again was back after ` +
        `${backMs.toFixed(0)} ms; bob was up since ${new Date(before.startedMs).toISOString()}\n`
    )
    socket.destroy()
  },
  downMs + 300_000
)

test('a member whose certificate ends meanwhile keeps its tunnels through the tolerance for clocks, and not beyond', async () => {
  const aliveMs = 30_000
  const nowMs = Date.now()
  const endMs = nowMs + aliveMs
  await carol.stop()
  const files = stateFiles(carol.stateDir)
  const rootKey = await loadKey(stateFiles(root.stateDir).rootKey)
  if (rootKey === undefined) throw new Error('the founder keeps its root key')
  const { publicKey: networkKey } = rootKey
  const kept = await files.membership.read()
  const { peerId } = await verifyChain(
    (kept?.chain ?? []).map((one) => Buffer.from(one, 'base64')),
    networkKey,
    nowMs
  )
  const certificate = await issueCertificate(
    {
      networkKey,
      peerId,
      name: 'carol',
      notBeforeMs: nowMs - 86_400_000,
      notAfterMs: endMs - limits.clockToleranceMs
    },
    rootKey
  )
  await saveMembership(files, networkKey, [certificate])
  carol = await MeshProcess.up(carol.stateDir)
  await waitForPeers([carol], 1)
  const { port } = await carol.forward('bob/echo')
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  await ping(socket, 'past its end, within the tolerance')
  await vi.waitFor(() => expect(socket.closed).toBe(true), { timeout: 2 * aliveMs, interval: 20 })
  const lateMs = Date.now() - endMs
  process.stderr.write(`headless: the tunnel was cut ${lateMs} ms after the tolerance had ended\n`)
  expect(lateMs).toBeGreaterThan(-1_000)
  expect(lateMs).toBeLessThan(10_000)
  const receivedBytes = origin.receivedBytes
  const { code, stderr } = await call(carol, 'late')
  expect(code, stderr).not.toBe(0)
  expect(origin.receivedBytes).toBe(receivedBytes)
  expect((await bob.peers()).map((peer) => peer.peerId)).toEqual([dave.peerId])
}, 240_000)
