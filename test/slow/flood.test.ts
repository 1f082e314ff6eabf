import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { beforeAll, expect, test, vi } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { makeScratchDir } from '../e2e/harness/cleanup.ts'
import { start } from '../e2e/harness/command.ts'
import { createMesh, joinAs, waitForPeers, type Mesh } from '../e2e/harness/mesh.ts'
import { MeshProcess } from '../e2e/harness/mesh-process.ts'
import { startHttpOrigin } from '../e2e/harness/origins/http-origin.ts'
import { internetSockets } from '../e2e/harness/proc.ts'

const perSecond = 500
const floodMs = 8_000
const mostGrowthBytes = 64 * 1024 * 1024

let mesh: Mesh<'alice' | 'bob'>
let web = ''
let meshPort = 0

beforeAll(async () => {
  mesh = await createMesh({ members: ['alice', 'bob'] })
  const origin = await startHttpOrigin('alice-web')
  await mesh.alice.serve(`web=${origin.url}`)
  web = `http://127.0.0.1:${(await mesh.bob.forward('alice/web')).port}/`
  meshPort = internetSockets(mesh.alice.pid).find(({ isListening }) => isListening)?.local.port ?? 0
})

/** Connections from others that the node holds on its mesh port. */
const inbound = (): number =>
  internetSockets(mesh.alice.pid).filter(({ isListening, local }) => !isListening && local.port === meshPort).length

interface Measured {
  p99Ms: number
  mostInbound: number
  mostRssBytes: number
}

/** Calls through the mesh, one after the other, and watches the node while they run. */
const measure = async (durationMs: number): Promise<Measured> => {
  const times: number[] = []
  const measured: Measured = { p99Ms: 0, mostInbound: 0, mostRssBytes: 0 }
  let nextLookMs = 0
  for (const startedMs = performance.now(); performance.now() - startedMs < durationMs;) {
    const beganMs = performance.now()
    const response = await fetch(web)
    expect(await response.text()).toBe('alice-web\n')
    times.push(performance.now() - beganMs)
    if (performance.now() >= nextLookMs) {
      measured.mostInbound = Math.max(measured.mostInbound, inbound())
      measured.mostRssBytes = Math.max(measured.mostRssBytes, mesh.alice.rssBytes)
      nextLookMs = performance.now() + 200
    }
    await wait(2)
  }
  measured.p99Ms = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0
  return measured
}

const flood = async (port: number, way: string): Promise<() => Promise<void>> => {
  const child = start(process.execPath, [join(import.meta.dirname, 'flood.ts'), String(port), way, String(perSecond)])
  await once(child, 'spawn')
  return async () => {
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
}

test.each(['silent', 'slow', 'garbage', 'reset'])(
  `${perSecond} connections a second (%s) hold up no member, and no more than the limit stay`,
  async (way) => {
    const before = inbound()
    const quiet = await measure(3_000)
    const stop = await flood(meshPort, way)
    const flooded = await measure(floodMs)
    await stop()
    process.stderr.write(
      `flood ${way}: p99 ${quiet.p99Ms.toFixed(1)} -> ${flooded.p99Ms.toFixed(1)} ms, at most ${flooded.mostInbound} connections, RSS +${Math.round((flooded.mostRssBytes - quiet.mostRssBytes) / 2 ** 20)} MiB\n`
    )
    expect(flooded.mostInbound).toBeLessThanOrEqual(before + limits.strangerPendingConnections)
    expect(flooded.mostRssBytes - quiet.mostRssBytes).toBeLessThanOrEqual(mostGrowthBytes)
    expect(flooded.p99Ms).toBeLessThanOrEqual(2 * quiet.p99Ms)
    await vi.waitFor(() => expect(inbound()).toBeLessThanOrEqual(before), {
      timeout: limits.helloTimeoutMs * 2,
      interval: 250
    })
  }
)

test('after all that a newcomer gets in', async () => {
  const stateDir = join(await makeScratchDir('newcomer'), 'carol')
  await joinAs(mesh.alice, 'carol', stateDir)
  const carol = await MeshProcess.up(stateDir)
  await waitForPeers([carol], 1)
})
