import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { beforeAll, expect, test, vi } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { makeScratchDir } from '../e2e/harness/cleanup.ts'
import { start } from '../e2e/harness/command.ts'
import { createMesh, joinAs, type Mesh } from '../e2e/harness/mesh.ts'
import { startHttpOrigin } from '../e2e/harness/origins/http-origin.ts'
import { internetSockets } from '../e2e/harness/proc.ts'
import type { MeshProcess } from '../e2e/harness/mesh-process.ts'

/** What the scheduler of a busy machine adds to one call in a hundred, whoever is aimed at. */
const schedulerMs = 10
const turns = 3
const turnMs = 4_000
/** Ten thousand and more in the turns of one node. */
const perSecond = 1_000
const fewestStreams = 10_000
const mostGrowthBytes = 128 * 1024 * 1024

let mesh: Mesh<'alice' | 'bob' | 'dave'>
let mallory = ''
let web = ''

beforeAll(async () => {
  mesh = await createMesh({ members: ['alice', 'bob', 'dave'] })
  mallory = join(await makeScratchDir('mallory'), 'mallory')
  await joinAs(mesh.alice, 'mallory', mallory)
  const origin = await startHttpOrigin('alice-web')
  await mesh.alice.serve(`web=${origin.url}`)
  web = `http://127.0.0.1:${(await mesh.bob.forward('alice/web')).port}/`
})

interface Measured {
  timesMs: number[]
  mostTunnels: number
  mostRssBytes: number
  opened: number
}

const nothing = (): Measured => ({ timesMs: [], mostTunnels: 0, mostRssBytes: 0, opened: 0 })

const p99 = ({ timesMs }: Measured): number => timesMs.toSorted((a, b) => a - b)[Math.floor(timesMs.length * 0.99)] ?? 0

const addressOf = (node: MeshProcess): string => node.ready.addresses[0] ?? ''

/** Starts the rude program, and ends it. @returns how many streams it opened */
const flood = async (target: MeshProcess, way: string): Promise<() => Promise<number>> => {
  const program = join(import.meta.dirname, 'stream-flood.ts')
  const child = start(process.execPath, [program, mallory, addressOf(target), way, String(perSecond)])
  let opened = -1
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => (opened = Number(line)))
  await vi.waitFor(() => expect(opened, said).toBeGreaterThanOrEqual(0), { timeout: 20_000, interval: 50 })
  return async () => {
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    return opened
  }
}

/** Calls through the mesh, one after the other. */
const measure = async (measured: Measured): Promise<void> => {
  let nextLookMs = 0
  for (const startedMs = performance.now(); performance.now() - startedMs < turnMs;) {
    const beganMs = performance.now()
    const response = await fetch(web)
    expect(await response.text()).toBe('alice-web\n')
    measured.timesMs.push(performance.now() - beganMs)
    if (performance.now() >= nextLookMs) {
      nextLookMs = performance.now() + 500
      measured.mostTunnels = Math.max(measured.mostTunnels, (await mesh.alice.client.status()).tunnels.open)
      measured.mostRssBytes = Math.max(measured.mostRssBytes, mesh.alice.rssBytes)
    }
    await wait(2)
  }
}

/** Connections to the mesh port of alice. */
const inbound = (): number => {
  const sockets = internetSockets(mesh.alice.pid)
  const port = sockets.find(({ isListening }) => isListening)?.local.port
  return sockets.filter(({ isListening, local }) => !isListening && local.port === port).length
}

test.each(['silent', 'reset', 'stranger'])(
  '%s: thousands of streams hold up no member, and the limits hold',
  async (way) => {
    const before = {
      tunnels: (await mesh.alice.client.status()).tunnels.open,
      rss: mesh.alice.rssBytes,
      sockets: inbound()
    }
    const elsewhere = nothing()
    const here = nothing()
    // In turns, so that what else the machine does meets both; dave is what alice is, and serves nobody.
    for (let turn = 0; turn < turns; turn++) {
      for (const [target, measured] of [
        [mesh.dave, elsewhere],
        [mesh.alice, here]
      ] as const) {
        const stop = await flood(target, way)
        await measure(measured)
        measured.opened += await stop()
      }
    }
    const growth = here.mostRssBytes - before.rss
    process.stderr.write(
      `streams ${way}: ${here.opened} opened, p99 ${p99(elsewhere).toFixed(1)} ms aimed elsewhere, ${p99(here).toFixed(1)} ms aimed at the node; ${here.mostTunnels} tunnels at most, RSS +${Math.round(growth / 2 ** 20)} MiB\n`
    )
    if (way !== 'stranger') expect(here.opened).toBeGreaterThanOrEqual(fewestStreams)
    expect(here.mostTunnels).toBeLessThanOrEqual(before.tunnels + limits.tunnelsPerPeer)
    expect(growth).toBeLessThanOrEqual(mostGrowthBytes)
    expect(p99(here)).toBeLessThanOrEqual(2 * p99(elsewhere) + schedulerMs)
    await vi.waitFor(
      async () => {
        expect(inbound()).toBeLessThanOrEqual(before.sockets)
        expect((await mesh.alice.client.status()).tunnels.open).toBeLessThanOrEqual(before.tunnels + 1)
      },
      { timeout: 2 * limits.tunnelOpenTimeoutMs, interval: 250 }
    )
  }
)
