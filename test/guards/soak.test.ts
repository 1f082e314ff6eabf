/**
 * While members join, leave and die and traffic runs, those who stay grow by at most 1 MiB of heap in an hour, keep as many
 * descriptors, timers and emitters as they had, and no promise is rejected unheard.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { seededRandom } from '@agent-mesh/testkit'
import { startEcho } from './harness/echo.ts'
import { censusEnvironment, slopeOf, takeCensus, type Census } from './harness/census.ts'
import { inForm, isFull } from './harness/form.ts'
import { settled, until } from './harness/overlay.ts'
import { openProcessCrowd } from './harness/process-crowd.ts'
import { onCleanup } from '../e2e/harness/cleanup.ts'
import type { MeshProcess } from '../e2e/harness/mesh-process.ts'

const seed = Number(process.env['MESH_SEED'] ?? 1)
const { size, guests, tunnels, warmUp, cycles, runMs } = inForm({
  short: { size: 4, guests: 2, tunnels: 100, warmUp: 3, cycles: 6, runMs: 0 },
  full: { size: 9, guests: 3, tunnels: 300, warmUp: 60, cycles: 60, runMs: 3_600_000 }
})
/** Tunnels that one forward has open at once. */
const atOnce = 8
const patience = 60_000
const bad = /unhandled|uncaught|MaxListenersExceeded|ERR_UNHANDLED/i

/** What may come on top, by the form: a short run is warm late, and counts what happens to be open. */
const most = inForm({
  // within a few rounds, of which each leaves some code compiled
  short: { heapBytes: 4 * 2 ** 20, descriptors: 6, timers: 150, emitters: 40, signals: 150, targets: 150 },
  // within an hour
  full: { heapBytes: 2 ** 20, descriptors: 6, timers: 150, emitters: 40, signals: 150, targets: 150 }
})

interface Door {
  port: number
  of: string
}

/** A connection through a forward that is answered, or the reason why not. */
const ask = async ({ port, of }: Door): Promise<string | undefined> => {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  try {
    socket.write('soak\n')
    const [bytes] = await once(socket, 'data', { signal: AbortSignal.timeout(patience) })
    const said = String(bytes).trim()
    return said === `${of} soak` ? undefined : `"${said}" instead of an answer of ${of}`
  } catch (err) {
    return err instanceof Error ? err.message : String(err)
  } finally {
    socket.destroy()
  }
}

const askMany = async (door: Door, count: number): Promise<string[]> => {
  let left = count
  const faults: string[] = []
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const fault = await ask(door)
      if (fault !== undefined) faults.push(fault)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, client))
  return faults
}

const serveEcho = async (node: MeshProcess): Promise<void> => {
  const echo = await startEcho(node.name)
  onCleanup(echo.close)
  await node.client.serve('echo', { address: echo.address, check: { kind: 'none' }, replace: true })
}

const sees = async (nodes: readonly MeshProcess[], name: string, isHere: boolean): Promise<void> =>
  until(async () => {
    const views = await Promise.all(nodes.map(async (node) => node.peers()))
    return isHere
      ? views.some((peers) => peers.some((peer) => peer.name === name))
      : views.every((peers) => peers.every((peer) => peer.name !== name))
  }, patience)

it(`${size} nodes stay and ${guests} come and go (seed ${seed})`, async () => {
  const random = seededRandom(seed)
  const { members, add } = await openProcessCrowd(size, censusEnvironment)
  await settled(
    members.map(({ name, client }) => ({ name, node: client })),
    2 * patience
  )
  const doors: Door[] = []
  for (const node of members) await serveEcho(node)
  for (const [at, node] of members.entries()) {
    const to = members[(at + 1) % size]
    if (to !== undefined) doors.push({ port: (await node.forward(`${to.peerId}/echo`)).port, of: to.name })
  }
  const faults: string[] = []
  const seen: Array<Array<{ atMs: number; census: Census }>> = members.map(() => [])
  const logs: Array<readonly string[]> = members.map(({ log }) => log)

  /** Somebody joins, is called and calls, while the others talk; then it leaves, in order or without a word. */
  const cycle = async (number: number): Promise<void> => {
    const guest = await add(`guest-${number % guests}`)
    logs.push(guest.log)
    await sees(members, guest.name, true)
    await serveEcho(guest)
    const host = random.pick(members)
    const [inward, outward] = [await host.forward(`${guest.peerId}/echo`), await guest.forward(`${host.peerId}/echo`)]
    const talk = [
      ...doors.map(async (door) => askMany(door, tunnels)),
      askMany({ port: inward.port, of: guest.name }, tunnels),
      askMany({ port: outward.port, of: host.name }, tunnels)
    ]
    faults.push(...(await Promise.all(talk)).flat())
    await host.client.removeForward(inward.id)
    await guest.client.removeForward(outward.id)
    if (number % 2 === 0) expect(await guest.stop()).toBe(0)
    else await guest.kill()
    await sees(members, guest.name, false)
  }

  const startedMs = performance.now()
  let done = 0
  while (done < warmUp + cycles || performance.now() - startedMs < runMs) {
    await cycle(done)
    done += 1
    if (done < warmUp) continue
    for (const [at, node] of members.entries())
      seen[at]?.push({ atMs: performance.now(), census: await takeCensus(node) })
  }

  /** What a node would gain over the whole measured time, by the robust slope of what it had after each round. */
  const growthOf = (of: keyof Census): number[] =>
    seen.map((all) => {
      const [first, last] = [all[0]?.atMs ?? 0, all.at(-1)?.atMs ?? 0]
      const overMs = isFull ? 3_600_000 : last - first
      return slopeOf(all.map(({ atMs, census }) => ({ at: atMs, value: census[of] }))) * overMs
    })
  const growth = Object.fromEntries(
    (['heapBytes', 'descriptors', 'timers', 'emitters', 'signals', 'targets'] as const).map((of) => [of, growthOf(of)])
  )
  console.log(
    `${done} rounds in ${((performance.now() - startedMs) / 1_000).toFixed(0)} s, ${faults.length} faults; ` +
      `gained ${Object.entries(growth)
        .map(([of, all]) => `${of} ${all.map((one) => one.toFixed(0)).join(' ')}`)
        .join('; ')}; had ${JSON.stringify(seen.map((all) => all.at(-1)?.census))}`
  )
  expect(faults).toEqual([])
  expect(logs.flat().filter((line) => bad.test(line))).toEqual([])
  expect(members.every(({ isRunning }) => isRunning)).toBe(true)
  for (const [of, limit] of Object.entries(most))
    for (const one of growth[of] ?? [Number.NaN]) expect(one, of).toBeLessThanOrEqual(limit)
}, 5_400_000)
