import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { raceAddresses, type RaceResult } from '../../src/routing/address-race.ts'

type Behaviour = { afterMs: number; opens: boolean } | 'silent'

const addressOf = (port: number): Multiaddr => multiaddr(`/ip4/127.0.0.1/tcp/${port}`)

interface Race {
  result: Promise<RaceResult<number>>
  started: Array<[number, number]>
  discarded: number[]
  aborted: number[]
}

/** Ports 1, 2, 3… behave as given; times are those of the fake clock. */
const race = (behaviours: Behaviour[], signal = new AbortController().signal): Race => {
  const startMs = Date.now()
  const seen: Omit<Race, 'result'> = { started: [], discarded: [], aborted: [] }
  const result = raceAddresses<number>({
    addresses: behaviours.map((_, index) => addressOf(index + 1)),
    dial: async (address, limit) => {
      const port = Number(address.getComponents()[1]?.value)
      const behaviour = behaviours[port - 1] ?? 'silent'
      seen.started.push([port, Date.now() - startMs])
      return new Promise((resolve, reject) => {
        limit.addEventListener('abort', () => {
          seen.aborted.push(port)
          if (behaviour === 'silent') reject(limit.reason)
        })
        if (behaviour === 'silent') return
        setTimeout(() => (behaviour.opens ? resolve(port) : reject(new Error('refused'))), behaviour.afterMs)
      })
    },
    discard: (late) => seen.discarded.push(late),
    signal,
    addressTimeoutMs: 3_000
  })
  return { result, ...seen }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a race of addresses', () => {
  it('starts the next one after a pause, or at once when one has failed', async () => {
    const { result, started } = race([{ afterMs: 100, opens: false }, 'silent', { afterMs: 10, opens: true }])
    await vi.advanceTimersByTimeAsync(2_000)
    expect(await result).toMatchObject({ won: true, connection: 3 })
    expect(started).toEqual([
      [1, 0],
      [2, 100],
      [3, 350]
    ])
  })

  it('has at most three under way', async () => {
    const { started, result } = race(['silent', 'silent', 'silent', { afterMs: 1, opens: true }])
    await vi.advanceTimersByTimeAsync(2_900)
    expect(started.map(([port]) => port)).toEqual([1, 2, 3])
    // The limit of one address runs on the clock of the machine, which no fake moves.
    vi.useRealTimers()
    expect((await result).won).toBe(true)
  })

  it('gives up the others when one has won, and throws away what they still open', async () => {
    const { result, discarded, aborted } = race([
      { afterMs: 400, opens: true },
      { afterMs: 100, opens: true }
    ])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await result).toMatchObject({ won: true, connection: 2 })
    expect([discarded, aborted]).toEqual([[1], [1]])
  })

  it('ends with each failure where nobody answers', async () => {
    const { result } = race([
      { afterMs: 1, opens: false },
      { afterMs: 1, opens: false }
    ])
    await vi.advanceTimersByTimeAsync(100)
    const outcome = await result
    expect(outcome.won ? [] : outcome.failures.map(({ kind, reason }) => `${kind} ${reason}`)).toEqual([
      'unreachable refused',
      'unreachable refused'
    ])
    expect(await race([]).result).toEqual({ won: false, failures: [] })
  })

  it('ends at once when it is given up', async () => {
    const giving = new AbortController()
    const { result, started } = race(['silent', 'silent'], giving.signal)
    giving.abort()
    expect(await result).toEqual({ won: false, failures: [] })
    await vi.advanceTimersByTimeAsync(1_000)
    expect(started).toHaveLength(1)
    expect((await race(['silent'], giving.signal).result).won).toBe(false)
  })
})

it('a connection outlives the race, its time limit and its caller', async () => {
  vi.useRealTimers()
  const giving = new AbortController()
  const won = Promise.withResolvers<AbortSignal>()
  const result = await raceAddresses({
    addresses: [addressOf(1)],
    dial: async (_, limit) => {
      won.resolve(limit)
      return 1
    },
    discard: () => undefined,
    signal: giving.signal,
    addressTimeoutMs: 1
  })
  giving.abort()
  const later = AbortSignal.timeout(5)
  await vi.waitFor(() => expect(later.aborted).toBe(true))
  expect([result.won, (await won.promise).aborted]).toEqual([true, false])
})
