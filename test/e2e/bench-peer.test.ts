import { once } from 'node:events'
import { createConnection } from 'node:net'
import { createInterface } from 'node:readline'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { makeScratchDir } from './harness/cleanup.ts'
import { meshNodeBin, start } from './harness/command.ts'
import { createMesh, type Mesh } from './harness/mesh.ts'
import { internetSockets } from './harness/proc.ts'
import type { MeshProcess } from './harness/mesh-process.ts'
import type { ChildProcess } from 'node:child_process'

let mesh: Mesh<'alice' | 'bob'>
let scratch = ''

beforeAll(async () => {
  scratch = await makeScratchDir('measured')
  mesh = await createMesh({ members: ['alice', 'bob'] })
})

const serveBench = async (node: MeshProcess, ...flags: string[]): Promise<ChildProcess> => {
  const child = start(process.execPath, [meshNodeBin, 'bench', '--serve', '--json', ...flags], {
    stateDir: node.stateDir,
    env: { TMPDIR: scratch }
  })
  if (child.stdout === null) throw new Error('it has no output')
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  expect(JSON.parse(line)).toMatchObject({ service: { name: 'bench' }, command: `mesh-node bench ${node.name}` })
  return child
}

const endOf = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

const servicesOf = async (node: MeshProcess): Promise<string[]> =>
  (await node.client.services()).map(({ name }) => name)

/** Payload of tunnels that a node has counted by itself. */
const carried = async (node: MeshProcess): Promise<{ in: number; out: number }> => {
  const { bytesIn, bytesOut } = (await node.status()).tunnels
  return { in: bytesIn, out: bytesOut }
}

const number = z.number()
const streamFigures = z.object({
  bytes: number,
  bitsPerSecond: number,
  cpuSecondsPerGiB: z.object({ here: number, there: number }).optional()
})
const figures = z.object({
  up: streamFigures.optional(),
  down: streamFigures.optional(),
  requests: z.object({ count: number, p50Ms: number, p99Ms: number }),
  openings: z.object({ count: number, perSecond: number })
})
const benchDocument = z.looseObject({
  mesh: figures,
  plain: figures.optional(),
  ratios: z.object({ up: number.optional(), down: number.optional(), addedP50Ms: number }).optional()
})

const measure = async (...flags: string[]) =>
  mesh.bob.json(benchDocument, ['bench', 'alice', '--seconds', '1', ...flags])

/** One of the two that the bench measured. */
const present = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('it was not measured')
  return value
}

const errorOf = async (...args: string[]) => {
  const { code, stdout, stderr } = await mesh.bob.run(['bench', ...args, '--json'])
  expect(stdout).toBe('')
  return { code, ...JSON.parse(stderr).error }
}

describe('mesh-node bench', () => {
  test('who does not serve it is told by name, with the command that does', async () => {
    expect(await errorOf('alice')).toMatchObject({
      code: 'SERVICE_UNKNOWN',
      message: 'alice does not serve a bench.',
      hint: 'on alice: mesh-node bench --serve'
    })
  })

  test('the nodes have carried what it counted, and plain TCP has not gone through them', async () => {
    const serving = await serveBench(mesh.alice, '--plain')
    const before = await carried(mesh.alice)
    const { mesh: over, plain: beside, ratios, ...rest } = await measure()
    const after = await carried(mesh.alice)
    const plain = present(beside)
    expect(rest).toEqual({ peerId: mesh.alice.peerId, name: 'alice', path: expect.any(String), seconds: 1 })
    const [up, down] = [present(over.up), present(over.down)]
    // Requests, short connections and orders are small beside a stream of a second.
    expect(after.in - before.in).toBeGreaterThanOrEqual(up.bytes)
    expect(after.in - before.in).toBeLessThan(up.bytes + 16e6)
    expect(after.out - before.out).toBeGreaterThanOrEqual(down.bytes)
    expect(after.out - before.out).toBeLessThan(down.bytes + 16e6)
    for (const stream of [up, down, present(plain.up), present(plain.down)]) {
      const seconds = (8 * stream.bytes) / stream.bitsPerSecond
      expect(seconds).toBeGreaterThan(0.8)
      expect(seconds).toBeLessThan(5)
    }
    for (const { requests, openings } of [over, plain]) {
      expect(requests.count).toBeGreaterThan(0)
      expect(requests.p99Ms).toBeGreaterThanOrEqual(requests.p50Ms)
      expect(openings.count).toBeGreaterThan(8)
    }
    for (const { cpuSecondsPerGiB } of [up, down]) {
      expect(cpuSecondsPerGiB?.here).toBeGreaterThan(0)
      expect(cpuSecondsPerGiB?.there).toBeGreaterThan(0)
    }
    expect(plain.up?.cpuSecondsPerGiB).toBeUndefined()
    expect(ratios?.up).toBeCloseTo(up.bitsPerSecond / present(plain.up).bitsPerSecond)
    expect(ratios?.addedP50Ms).toBeCloseTo(over.requests.p50Ms - plain.requests.p50Ms)
    expect(await mesh.bob.client.forwards()).toEqual([])
    await endOf(serving, 'SIGTERM')
    expect(await servicesOf(mesh.alice)).toEqual([])
  })

  test('nothing is opened beside the mesh where --plain was not said', async () => {
    const serving = await serveBench(mesh.alice)
    const { plain, ratios, noPlain, mesh: over } = await measure('--direction', 'down')
    expect({ plain, ratios, noPlain }).toEqual({ noPlain: 'the other side did not offer one.' })
    expect(over.up).toBeUndefined()
    expect(over.down?.bytes).toBeGreaterThan(0)
    expect(internetSockets(serving.pid ?? 0)).toEqual([])
    const { stdout } = await mesh.bob.run(['bench', 'alice', '--seconds', '1', '--direction', 'up'])
    expect(stdout).toContain('no plain connection: the other side did not offer one.')
    await endOf(serving, 'SIGINT')
  })

  test('the port for plain TCP does nothing for who has no token', async () => {
    const serving = await serveBench(mesh.alice, '--plain')
    await measure('--direction', 'up')
    const port = internetSockets(serving.pid ?? 0).find(({ isListening }) => isListening)?.local
    expect(port?.address).toBe('127.0.0.1')
    for (const order of ['{"do":"source","seconds":1}', '{"do":"source","seconds":1,"token":"guessed"}']) {
      const socket = createConnection({ host: '127.0.0.1', port: port?.port ?? 0 })
      let bytes = 0
      socket.on('data', (chunk) => (bytes += chunk.length)).on('error', () => {})
      socket.write(`${order}\n`)
      await once(socket, 'close')
      expect(bytes).toBe(0)
    }
    await endOf(serving, 'SIGTERM')
  })

  test('it ends with its time, and who is not allowed is denied', async () => {
    const serving = await serveBench(mesh.alice, '--for', '5s', '--allow', 'group:nobody')
    const ended = once(serving, 'exit')
    expect(await errorOf('alice')).toMatchObject({ code: 'DENIED' })
    expect(await ended).toEqual([0, null])
    expect(await servicesOf(mesh.alice)).toEqual([])
  })

  test('one that was killed is in nobody’s way', async () => {
    await endOf(await serveBench(mesh.alice), 'SIGKILL')
    expect(await servicesOf(mesh.alice)).toEqual(['bench'])
    expect(await errorOf('alice')).toMatchObject({ hint: 'on alice: mesh-node bench --serve' })
    const serving = await serveBench(mesh.alice)
    const second = await mesh.alice.run(['bench', '--serve', '--json'])
    expect(JSON.parse(second.stderr).error).toMatchObject({ code: 'SERVICE_TAKEN' })
    await endOf(serving, 'SIGTERM')
  })

  test('a signal ends a measurement, and its forward with it', async () => {
    const serving = await serveBench(mesh.alice)
    const running = start(process.execPath, [meshNodeBin, 'bench', 'alice', '--seconds', '60'], {
      stateDir: mesh.bob.stateDir
    })
    const opened = async () => expect(await mesh.bob.client.forwards()).toMatchObject([{ openTunnels: 1 }])
    await vi.waitFor(opened, 20_000)
    const fromMs = performance.now()
    await endOf(running, 'SIGINT')
    expect(running.exitCode).toBe(4)
    expect(performance.now() - fromMs).toBeLessThan(20_000)
    expect(await mesh.bob.client.forwards()).toEqual([])
    await endOf(serving, 'SIGTERM')
  })
})
