import {
  askBench,
  measureDown,
  measureOpenings,
  measureRequests,
  measureUp,
  type OpeningFigures,
  type RequestFigures,
  type StreamFigures,
  type Way
} from './measuring.ts'

export type Direction = 'up' | 'down' | 'both'

/** Processor time of the node on each side, in seconds per GiB of payload; absent where a node does not tell. */
export interface Cost {
  here?: number
  there?: number
}

/** What one way gave. */
export interface Figures {
  up?: StreamFigures & { cpuSecondsPerGiB?: Cost }
  down?: StreamFigures & { cpuSecondsPerGiB?: Cost }
  requests: RequestFigures
  openings: OpeningFigures
}

/** Plain TCP is 1; of the requests, what the mesh adds. Absent where plain TCP was not measured. */
export interface Ratios {
  up?: number
  down?: number
  openings: number
  addedP50Ms: number
  addedP99Ms: number
}

export interface RunOptions {
  seconds: number
  direction: Direction
  /** Told before each step. */
  say: (step: string) => void
  /** Processor time of the node here up to this moment, in seconds. Undefined where there is no node on the way. */
  cpuHere?: () => Promise<number | undefined>
}

const cpuThere = async (way: Way): Promise<number | undefined> => {
  const seconds: unknown = Object(await askBench(way, { do: 'cpu' })).seconds
  return typeof seconds === 'number' ? seconds : undefined
}

const perGiB = (before: number | undefined, after: number | undefined, bytes: number): number | undefined =>
  before === undefined || after === undefined || bytes === 0 ? undefined : (after - before) / (bytes / 2 ** 30)

/** A stream, and what the two nodes worked for it. */
const withCost = async (
  way: Way,
  { cpuHere }: RunOptions,
  measure: () => Promise<StreamFigures>
): Promise<StreamFigures & { cpuSecondsPerGiB?: Cost }> => {
  if (cpuHere === undefined) return measure()
  const before = [await cpuHere(), await cpuThere(way)]
  const figures = await measure()
  const here = perGiB(before[0], await cpuHere(), figures.bytes)
  const there = perGiB(before[1], await cpuThere(way), figures.bytes)
  return {
    ...figures,
    cpuSecondsPerGiB: { ...(here === undefined ? {} : { here }), ...(there === undefined ? {} : { there }) }
  }
}

/** All workloads on one way, one after the other. */
export const runOn = async (way: Way, name: string, options: RunOptions): Promise<Figures> => {
  const { seconds, direction, say } = options
  const figures: Partial<Figures> = {}
  if (direction !== 'down') {
    say(`${name}: one stream from here to there, ${seconds} s`)
    figures.up = await withCost(way, options, async () => measureUp(way, seconds))
  }
  if (direction !== 'up') {
    say(`${name}: one stream from there to here, ${seconds} s`)
    figures.down = await withCost(way, options, async () => measureDown(way, seconds))
  }
  say(`${name}: requests of 64 bytes, one at a time, ${seconds} s`)
  const requests = await measureRequests(way, seconds)
  say(`${name}: short connections, eight at a time, ${seconds} s`)
  return { ...figures, requests, openings: await measureOpenings(way, seconds) }
}

/** Pure. */
export const ratiosOf = (mesh: Figures, plain: Figures): Ratios => ({
  ...(mesh.up === undefined || plain.up === undefined ? {} : { up: mesh.up.bitsPerSecond / plain.up.bitsPerSecond }),
  ...(mesh.down === undefined || plain.down === undefined
    ? {}
    : { down: mesh.down.bitsPerSecond / plain.down.bitsPerSecond }),
  openings: mesh.openings.perSecond / plain.openings.perSecond,
  addedP50Ms: mesh.requests.p50Ms - plain.requests.p50Ms,
  addedP99Ms: mesh.requests.p99Ms - plain.requests.p99Ms
})
