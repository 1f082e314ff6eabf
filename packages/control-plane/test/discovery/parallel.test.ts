import { pipe } from 'it-pipe'
import { describe, expect, it, vi } from 'vitest'
import { distinct, endOnError, parallelMap, present, take, untilQuiet } from '../../src/discovery/parallel.ts'
import { collect } from './collect.ts'

const from = async function* <T>(items: T[]): AsyncGenerator<T> {
  yield* items
}

/** Yields, then waits for ever. */
const stuck = async function* <T>(items: T[]): AsyncGenerator<T> {
  yield* items
  await new Promise(() => undefined)
}

const failing = async function* (): AsyncGenerator<number> {
  yield 1
  throw new Error('cut')
}

describe('a pipeline stage', () => {
  it('maps with bounded concurrency and yields what is done first', async () => {
    const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
    let running = 0
    let most = 0
    const stage = parallelMap(2, async (index: number) => {
      most = Math.max(most, ++running)
      await gates[index]?.promise
      running--
      return index
    })
    const results = stage(from([0, 1, 2, 3]))
    const first = results.next()
    gates[1]?.resolve()
    expect((await first).value).toBe(1)
    for (const gate of gates) gate.resolve()
    expect(new Set(await collect(results))).toEqual(new Set([0, 2, 3]))
    expect(most).toBe(2)
  })

  it('ends for a reader that has enough, though its source is stuck', async () => {
    const stage = parallelMap(4, async (item: number) => item)
    expect(await collect(pipe(stuck([1, 2]), stage, take<number>(2)))).toEqual([1, 2])
  })

  it('passes each key once, up to a number of them', async () => {
    expect(await collect(distinct<string>((text) => text, 2)(from(['a', 'a', 'b', 'c'])))).toEqual(['a', 'b'])
    expect(await collect(present(from([1, undefined, 2])))).toEqual([1, 2])
    expect(await collect(take<number>(0)(from([1])))).toEqual([])
  })

  it('keeps what was found before an error', async () => {
    expect(await collect(endOnError(failing()))).toEqual([1])
  })

  it('ends when nothing that counts comes any more, not before something came', async () => {
    vi.useFakeTimers()
    try {
      const counted = collect(untilQuiet<number>(100, (item) => item > 0)(stuck([0, 1, 0])))
      await vi.advanceTimersByTimeAsync(99)
      expect(await Promise.race([counted, Promise.resolve('still open')])).toBe('still open')
      await vi.advanceTimersByTimeAsync(1)
      expect(await counted).toEqual([0, 1, 0])
      const uncounted = collect(untilQuiet<number>(100, (item) => item > 0)(stuck([0])))
      await vi.advanceTimersByTimeAsync(10_000)
      expect(await Promise.race([uncounted, Promise.resolve('still open')])).toBe('still open')
    } finally {
      vi.useRealTimers()
    }
  })
})
