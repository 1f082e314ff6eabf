import { join } from 'node:path'
import { z } from 'zod'
import { until } from './overlay.ts'
import type { MeshProcess } from '../../e2e/harness/mesh-process.ts'

const line = z.object({
  census: z.object({
    timers: z.number(),
    emitters: z.number(),
    signals: z.number(),
    targets: z.number(),
    descriptors: z.number(),
    heapBytes: z.number()
  })
})

/** What a process holds after its garbage was collected. */
export type Census = z.infer<typeof line>['census']

/** Environment of a node that takes a census when it is asked. */
export const censusEnvironment = {
  NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import ${join(import.meta.dirname, 'census-preload.ts')}`.trim()
}

/** It collects several times over, on a machine that may be busy. */
const answerMs = 120_000

const parse = (text: string): Census | undefined => {
  if (!text.startsWith('{"census"')) return undefined
  return line.parse(JSON.parse(text)).census
}

/** Asks a node, which has to run with {@link censusEnvironment}. @throws Error where it does not answer */
export const takeCensus = async (node: MeshProcess): Promise<Census> => {
  const from = node.log.length
  process.kill(node.pid, 'SIGUSR2')
  let census: Census | undefined
  await until(async () => {
    census = node.log
      .slice(from)
      .map(parse)
      .find((one) => one !== undefined)
    return census !== undefined
  }, answerMs)
  if (census === undefined) throw new Error(`${node.name} took no census`)
  return census
}

const median = (numbers: readonly number[]): number => {
  const sorted = numbers.toSorted((a, b) => a - b)
  const half = sorted.length / 2
  return ((sorted[Math.floor(half)] ?? Number.NaN) + (sorted[Math.ceil(half) - 1] ?? Number.NaN)) / 2
}

/** Of points, after Theil and Sen: the median of the slopes of all pairs, which a few points far off do not move. */
export const slopeOf = (points: ReadonlyArray<{ at: number; value: number }>): number =>
  median(
    points.flatMap((one, index) =>
      points.slice(index + 1).map((other) => (other.value - one.value) / (other.at - one.at))
    )
  )
