import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { makeScratchDir } from '../e2e/harness/cleanup.ts'
import { createDivide, type Divide } from '../e2e/harness/divide.ts'
import { createNetwork, joinAs, waitForPeers, type Mesh } from '../e2e/harness/mesh.ts'
import { MeshProcess, type UpOptions } from '../e2e/harness/mesh-process.ts'
import { echoBytes, startTcpOrigin } from '../e2e/harness/origins/tcp-origin.ts'

const left = ['alice', 'l1', 'l2', 'l3', 'l4', 'l5'] as const
const right = ['mallory', 'r1', 'r2', 'r3', 'r4', 'trudy'] as const
const names = [...left, ...right] as const
type Name = (typeof names)[number]

const cutWithinMs = 2_000
const knownWithinMs = 15_000

let divide: Divide
let mesh: Mesh<Name>

beforeAll(async () => {
  divide = await createDivide()
  const up: Partial<Record<Name, UpOptions>> = {}
  for (const name of left) up[name] = await divide.up('left')
  for (const name of right) up[name] = await divide.up('right')
  const folder = await makeScratchDir('divided')
  await createNetwork('alice', join(folder, 'alice'))
  const nodes: Partial<Record<Name, MeshProcess>> = {}
  // one after the other: each is here before the next one needs the processor
  for (const name of names) {
    const stateDir = join(folder, name)
    if (nodes.alice !== undefined) await joinAs(nodes.alice, name, stateDir)
    nodes[name] = await MeshProcess.up(stateDir, up[name])
  }
  const isComplete = (all: typeof nodes): all is Mesh<Name> => names.every((name) => all[name] !== undefined)
  if (!isComplete(nodes)) throw new Error('a node is missing')
  mesh = nodes
  const { port } = await startTcpOrigin('echo', echoBytes)
  for (const name of names) await mesh[name].serve(`echo=tcp://127.0.0.1:${port}`)
}, 540_000)
afterAll(() => divide.heal())

/** A connection through a forward that has carried something both ways. */
const talk = async (
  through: MeshProcess,
  target: string
): Promise<{ socket: Socket; goneMs: () => number | undefined }> => {
  const { port } = await through.forward(target)
  const socket = connect(port, '127.0.0.1')
  let goneMs: number | undefined
  socket.on('error', () => {})
  socket.once('close', () => (goneMs = performance.now()))
  socket.write('hello')
  expect(String((await once(socket, 'data'))[0])).toBe('hello')
  return { socket, goneMs: () => goneMs }
}

const knows = async (node: MeshProcess, revoked: MeshProcess): Promise<boolean> =>
  (await node.client.revocations()).some(({ peerId }) => peerId === revoked.peerId)

/** Revokes on the left while the sides are apart. @returns how long after the end of it the last tunnel on the right was gone */
const revokeApart = async (who: 'mallory' | 'trudy', how: 'held' | 'cut'): Promise<number> => {
  const others = right.filter((name) => name !== 'mallory' && name !== 'trudy')
  const [near, far] = [
    await Promise.all(others.map((name) => talk(mesh[who], `${name}/echo`))),
    await talk(mesh[who], 'l1/echo')
  ]
  const kept = await talk(mesh.r1, 'r2/echo')
  divide.part(how)
  await mesh.alice.run(['revoke', who])
  await vi.waitFor(
    async () => {
      for (const name of left) expect(await knows(mesh[name], mesh[who]), name).toBe(true)
    },
    { timeout: knownWithinMs, interval: 50 }
  )
  // what is apart does not know, and goes on
  for (const name of others) expect(await knows(mesh[name], mesh[who]), name).toBe(false)
  for (const { socket } of near) {
    socket.write('still')
    expect(String((await once(socket, 'data'))[0])).toBe('still')
  }
  divide.heal()
  // after a cut somebody has to dial: from that moment on it is one network again
  if (how === 'cut')
    await vi.waitFor(async () => expect((await mesh.r1.run(['dial', mesh.l1.peerId])).code).toBe(0), 30_000)
  const healedMs = performance.now()
  await vi.waitFor(() => expect([...near, far].every(({ goneMs }) => goneMs() !== undefined)).toBe(true), {
    timeout: 30_000,
    interval: 10
  })
  const slowestMs = Math.max(0, ...near.map(({ goneMs }) => (goneMs() ?? Infinity) - healedMs))
  kept.socket.write('still here')
  expect(String((await once(kept.socket, 'data'))[0])).toBe('still here')
  kept.socket.destroy()
  for (const name of others) expect(await knows(mesh[name], mesh[who]), name).toBe(true)
  process.stderr.write(
    `revoke, ${how}: the last tunnel of the other side was gone ${slowestMs.toFixed(0)} ms after it healed\n`
  )
  return slowestMs
}

test('twelve processes, six on each side: a revocation made while bytes were held up cuts within two seconds after', async () => {
  await waitForPeers([mesh.r1, mesh.l1], 2)
  expect(await revokeApart('mallory', 'held')).toBeLessThan(cutWithinMs)
}, 180_000)

test('and so does one that was made while every connection between the sides was broken', async () => {
  expect(await revokeApart('trudy', 'cut')).toBeLessThan(cutWithinMs)
}, 180_000)
