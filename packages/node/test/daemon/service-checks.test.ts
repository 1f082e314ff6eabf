import { createServer } from 'node:http'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createMesh, type TestMesh } from '@agent-mesh/testkit'
import { limits } from '@agent-mesh/wire'
import { stateFiles } from '../../src/state/documents.ts'
import { createSelfHealth } from '../../src/daemon/self-health.ts'
import { serveRequest } from '@agent-mesh/wire/api'

let mesh: TestMesh | undefined
const cleanUps: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
  await mesh?.close()
  mesh = undefined
})

const startOrigin = async (): Promise<{ address: string; answer: (status: number) => void; asked: () => number }> => {
  let status = 200
  let count = 0
  const server = createServer((_, response) => {
    count += 1
    response.writeHead(status)
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => server.close())
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('no port')
  return {
    address: `http://127.0.0.1:${bound.port}`,
    answer: (code) => {
      status = code
    },
    asked: () => count
  }
}

describe('what a node serves', () => {
  it('is checked as it was asked for, shown, and checked again after a restart and a move', async () => {
    mesh = await createMesh(['alice'])
    const [alice] = mesh.members
    if (alice === undefined) throw new Error('one member')
    const origin = await startOrigin()
    const check = { kind: 'http:/healthz', intervalMs: 500, threshold: 1 }
    const { service } = await alice.node.serve('web', { address: origin.address, check, weight: 5 })
    expect(service).toMatchObject({ weight: 5, check: { ...check, timeoutMs: limits.checkTimeoutMs } })
    const shown = async () => (await alice.node.status()).services.find(({ name }) => name === 'web')
    await vi.waitFor(async () => expect((await shown())?.health?.state).toBe('healthy'), 5_000)
    origin.answer(503)
    await vi.waitFor(
      async () =>
        expect((await shown())?.health).toMatchObject({ state: 'failing', reason: 'GET /healthz answered 503' }),
      5_000
    )
    await alice.restart()
    await vi.waitFor(async () => expect((await shown())?.health?.state).toBe('failing'), 5_000)
    const other = await startOrigin()
    await alice.node.serve('web', { address: other.address, replace: true })
    expect(await shown()).toMatchObject({ weight: 5, check, address: other.address })
    await vi.waitFor(async () => expect((await shown())?.health?.state).toBe('healthy'), 5_000)
    await alice.node.serve('web', { address: other.address, replace: true, check: { kind: 'none' } })
    expect(await shown()).toMatchObject({ check: { kind: 'none' } })
    expect((await shown())?.health).toBeUndefined()
    await expect(
      alice.node.serve('bad', { address: other.address, check: { kind: 'http:healthz' } })
    ).rejects.toMatchObject({ code: 'SERVICE_INVALID' })
  })

  it('that an earlier version wrote down is checked by the defaults', async () => {
    mesh = await createMesh(['alice'])
    const [alice] = mesh.members
    if (alice === undefined) throw new Error('one member')
    await alice.stop()
    const { path } = stateFiles(alice.directory.path).verbs
    const state: unknown = JSON.parse(await readFile(path, 'utf8'))
    const services = [{ name: 'web', address: 'http://127.0.0.1:1', capabilities: ['a/b'] }]
    await writeFile(path, JSON.stringify({ ...Object(state), services }))
    await alice.restart()
    expect(alice.node.services()).toMatchObject([
      { name: 'web', weight: 1, check: { kind: 'connect', intervalMs: 10_000, threshold: 3 } }
    ])
    await alice.node.unserve('web')
    expect(alice.node.services()).toEqual([])
  })
})

describe('what a node says of itself', () => {
  it('is its load and each service with its weight and what its checks say', async () => {
    const health = createSelfHealth({
      events: { emit: () => {} },
      services: () => [
        { name: 'web', weight: 5 },
        { name: 'ssh', weight: 1 }
      ],
      tunnels: () => 7,
      now: () => 42
    })
    cleanUps.push(health.stop)
    health.start()
    expect(health.load().tunnels).toBe(7)
    expect(health.services()).toEqual([
      { name: 'web', weight: 5, state: 'unchecked', sinceMs: 42 },
      { name: 'ssh', weight: 1, state: 'unchecked', sinceMs: 42 }
    ])
    await new Promise((resolve) => setTimeout(resolve, 100))
    const startedMs = performance.now()
    while (performance.now() - startedMs < 400);
    await vi.waitFor(() => expect(health.load().eventLoopLagMs).toBeGreaterThan(300), 2_000)
    expect(health.load().eventLoopLagMs).toBeLessThan(5_000)
  })
})

describe('a request to serve', () => {
  it.each([
    { weight: limits.serviceWeight + 1 },
    { weight: 0 },
    { check: { intervalMs: limits.checkIntervalLeastMs - 1 } },
    { check: { intervalMs: limits.checkIntervalMostMs + 1 } },
    { check: { threshold: limits.checkThreshold + 1 } },
    { check: { threshold: 0 } },
    { check: { pace: 1 } }
  ])('beyond its limits is refused: %j', (more) => {
    expect(serveRequest.safeParse({ address: 'tcp://127.0.0.1:1', ...more }).success).toBe(false)
  })
})
