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
/** What the scheduler of a busy machine adds to one call in a hundred, whoever is aimed at. */
const schedulerMs = 10
const turns = 3
const turnMs = 3_000
/** Thousands of connections come and go: what each left behind would add up to more than the heap moves by itself. */
const mostGrowthBytes = 128 * 1024 * 1024

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

/** Far ends of the connections that the node holds on its mesh port. */
const inbound = (): Set<number> =>
  new Set(
    internetSockets(mesh.alice.pid)
      .filter(({ isListening, local }) => !isListening && local.port === meshPort)
      .map(({ remote }) => remote.port)
  )

interface Measured {
  timesMs: number[]
  /** Connections that were there at two looks in a row: those that are dropped at once do not count. */
  mostHeld: number
  mostRssBytes: number
}

const lookEveryMs = 250

/** Calls through the mesh, one after the other, and watches the node while they run. */
const measure = async (durationMs: number, measured: Measured): Promise<void> => {
  let nextLookMs = 0
  let earlier = new Set<number>()
  for (const startedMs = performance.now(); performance.now() - startedMs < durationMs;) {
    const beganMs = performance.now()
    const response = await fetch(web)
    expect(await response.text()).toBe('alice-web\n')
    measured.timesMs.push(performance.now() - beganMs)
    if (performance.now() >= nextLookMs) {
      const present = inbound()
      measured.mostHeld = Math.max(measured.mostHeld, [...present].filter((port) => earlier.has(port)).length)
      measured.mostRssBytes = Math.max(measured.mostRssBytes, mesh.alice.rssBytes)
      earlier = present
      nextLookMs = performance.now() + lookEveryMs
    }
    await wait(2)
  }
}

const p99 = ({ timesMs }: Measured): number => timesMs.toSorted((a, b) => a - b)[Math.floor(timesMs.length * 0.99)] ?? 0

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
    const before = inbound().size
    const rssBefore = mesh.alice.rssBytes
    const elsewhere: Measured = { timesMs: [], mostHeld: 0, mostRssBytes: 0 }
    const here: Measured = { timesMs: [], mostHeld: 0, mostRssBytes: 0 }
    // In turns, so that what else the machine does meets both.
    for (let turn = 0; turn < turns; turn++) {
      for (const [port, measured] of [
        [0, elsewhere],
        [meshPort, here]
      ] as const) {
        const stop = await flood(port, way)
        await measure(turnMs, measured)
        await stop()
      }
    }
    const growth = here.mostRssBytes - rssBefore
    process.stderr.write(
      `flood ${way}: p99 ${p99(elsewhere).toFixed(1)} ms aimed elsewhere, ${p99(here).toFixed(1)} ms aimed at the node; ${here.mostHeld} held, RSS +${Math.round(growth / 2 ** 20)} MiB\n`
    )
    expect(here.mostHeld).toBeLessThanOrEqual(before + limits.strangerPendingConnections)
    expect(growth).toBeLessThanOrEqual(mostGrowthBytes)
    expect(p99(here)).toBeLessThanOrEqual(2 * p99(elsewhere) + schedulerMs)
    await vi.waitFor(() => expect(inbound().size).toBeLessThanOrEqual(before), {
      timeout: limits.helloTimeoutMs * 2,
      interval: lookEveryMs
    })
  }
)

test('after all that a newcomer gets in', async () => {
  const stateDir = join(await makeScratchDir('newcomer'), 'carol')
  await joinAs(mesh.alice, 'carol', stateDir)
  const carol = await MeshProcess.up(stateDir)
  await waitForPeers([carol], 1)
})
