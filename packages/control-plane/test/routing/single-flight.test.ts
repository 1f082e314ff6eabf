import { describe, expect, it } from 'vitest'
import { createTestNetwork, VirtualClock } from '@agent-mesh/testkit'
import { createPathMemory } from '../../src/routing/path-memory.ts'
import { createSingleFlight } from '../../src/routing/single-flight.ts'

const failing = async (): Promise<number> => Promise.reject(new Error('no'))

describe('a single flight', () => {
  const never = new AbortController().signal

  it('runs once for all who ask meanwhile, and again for who asks later', async () => {
    const flight = createSingleFlight<number>('The test')
    const gate = Promise.withResolvers<void>()
    let runs = 0
    const task = async (): Promise<number> => {
      runs++
      await gate.promise
      return runs
    }
    const both = [flight.run('a', never, task), flight.run('a', never, task)]
    const other = flight.run('b', never, async () => 7)
    gate.resolve()
    expect([await Promise.all(both), await other]).toEqual([[1, 1], 7])
    expect(await flight.run('a', never, task)).toBe(2)
  })

  it('shares a failure, and is not stuck with it', async () => {
    const flight = createSingleFlight<number>('The test')
    await expect(flight.run('a', never, failing)).rejects.toThrow('no')
    expect(await flight.run('a', never, async () => 1)).toBe(1)
  })

  it('ends the task when the last caller gives up, not before', async () => {
    const flight = createSingleFlight<number>('The test')
    let isAborted = false
    const task = async (signal: AbortSignal): Promise<number> =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          isAborted = true
          reject(new Error('aborted'))
        })
      })
    const callers = [new AbortController(), new AbortController()]
    const runs = callers.map(async ({ signal }) => flight.run('a', signal, task).catch((err: unknown) => err))
    callers[0]?.abort()
    expect(await runs[0]).toMatchObject({ code: 'CANCELLED' })
    expect(isAborted).toBe(false)
    callers[1]?.abort()
    expect(await runs[1]).toMatchObject({ code: 'CANCELLED' })
    expect(isAborted).toBe(true)
    await expect(flight.run('a', AbortSignal.abort(), task)).rejects.toMatchObject({ code: 'CANCELLED' })
  })
})

it('the memory of paths is bounded, and a success clears the failure', async () => {
  const clock = new VirtualClock(1_000)
  const network = await createTestNetwork()
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map(async (name) => (await network.member(name)).peerId))
  if (a === undefined || b === undefined || c === undefined) throw new Error('no peers')
  const memory = createPathMemory({ now: clock.now, size: 2 })
  memory.onPathFailed(a, 'UNREACHABLE')
  expect(memory.get(a)).toEqual({ failure: { code: 'UNREACHABLE', atMs: 1_000 } })
  memory.onPathOk(a, 'local', 2)
  expect(memory.get(a)).toEqual({ path: 'local', rttMs: 2, rttAtMs: 1_000, okMs: 1_000 })
  memory.onPathOk(b, 'direct', 3)
  memory.onPathFailed(a, 'TIMEOUT')
  memory.onPathOk(c, 'direct', 4)
  expect([memory.get(a).rttMs, memory.get(b), memory.get(c).rttMs]).toEqual([2, {}, 4])
})

it('the memory of paths keeps the least round trip for a while, and the failure of a service apart', async () => {
  const clock = new VirtualClock(1_000)
  const peer = (await (await createTestNetwork()).member('a')).peerId
  const memory = createPathMemory({ now: clock.now })
  const after = (ms: number, path: 'local' | 'relayed', rttMs: number): number | undefined => {
    clock.advance(ms)
    memory.onPathOk(peer, path, rttMs)
    return memory.get(peer).rttMs
  }
  expect([
    after(0, 'local', 5),
    after(1_000, 'local', 90),
    after(1_000, 'local', 4),
    after(29_999, 'local', 80)
  ]).toEqual([5, 5, 4, 4])
  expect([after(1, 'local', 80), after(0, 'relayed', 90)]).toEqual([80, 90])
  memory.onServiceFailed(peer, 'web', 'UPSTREAM_REFUSED')
  expect([memory.get(peer, 'web').failure?.code, memory.get(peer, 'other').failure, memory.get(peer).failure]).toEqual([
    'UPSTREAM_REFUSED',
    undefined,
    undefined
  ])
  memory.onPathOk(peer, 'local', 1, 'web')
  expect(memory.get(peer, 'web').failure).toBeUndefined()
})
