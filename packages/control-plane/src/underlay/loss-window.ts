import { noArrivals, type Arrivals } from './sequence-tally.ts'

/** Packets lost in one direction. */
export interface Loss {
  /** Of the packets of the window, 0 to 1. */
  share: number
  /** How many packets the window holds. */
  packets: number
  /** The direction loses packets; said only where chance hardly explains it. */
  isLossy: boolean
}

interface Sample extends Arrivals {
  atMs: number
}

/** Fewer packets say nothing. */
const fewest = 200
/** With fewer occasions nothing is called lossy: packets that are lost together prove one. */
const fewestRuns = 4
/** Windows that are looked at: the short ones see what has begun, the long one what is rare. */
const windowsMs = [20_000, 40_000, 60_000] as const
const recentMs = 60_000
/** Where the windows hold too few packets, as on a path that nobody uses. */
const longestMs = 600_000
const sampleMs = 1_000
const coarseMs = 10_000
/** Of a normal distribution: 0.5 % lie above it. */
const z = 2.576
/** Above this share, even at the lower end of what chance allows, a direction is lossy … */
const lossyShare = 0.005
/** … and until it is below this one. */
const cleanShare = 0.002

/**
 * The lower end of the interval of Wilson (1927) for a share of `some` among `all`; unlike that of the normal
 * approximation it holds for few and for none.
 */
export const wilsonLower = (some: number, all: number): number => {
  if (all === 0) return 0
  const share = some / all
  const middle = share + z ** 2 / (2 * all)
  const spread = z * Math.sqrt((share * (1 - share)) / all + z ** 2 / (4 * all ** 2))
  return Math.max(0, (middle - spread) / (1 + z ** 2 / all))
}

const isOver =
  (bar: number) =>
  ({ runs, settled }: Arrivals): boolean =>
    runs >= fewestRuns && wilsonLower(runs, settled) > bar

/** What was lost of late in one direction, from counts that only grow. */
export class LossWindow {
  readonly #samples: Sample[] = []
  #last: Sample | undefined
  #isLossy = false

  get isLossy(): boolean {
    return this.#isLossy
  }

  /** @param arrivals - as counted where the packets arrive */
  note(arrivals: Arrivals, nowMs: number): void {
    const before = this.#last
    // a report that was overtaken by a younger one
    if (before !== undefined && arrivals.settled < before.settled) return
    this.#last = { ...arrivals, atMs: nowMs }
    const newest = this.#samples.at(-1)
    if (newest === undefined) this.#samples.push({ ...noArrivals, atMs: nowMs })
    else if (nowMs - newest.atMs >= sampleMs) {
      this.#samples.push(this.#last)
      this.#thin(nowMs)
      this.#judge(nowMs)
    }
  }

  /** @returns undefined until enough packets are known of */
  read(nowMs: number): Loss | undefined {
    const { settled, lost } = this.#within(recentMs, nowMs)
    if (settled >= fewest) return { share: lost / settled, packets: settled, isLossy: this.#isLossy }
    const long = this.#within(longestMs, nowMs)
    if (long.settled < fewest) return undefined
    return { share: long.lost / long.settled, packets: long.settled, isLossy: this.#isLossy }
  }

  #judge(nowMs: number): void {
    const spans = [...windowsMs, longestMs].map((ms) => this.#within(ms, nowMs)).filter((one) => one.settled >= fewest)
    // The long window is for paths where the others see too little.
    const seen = spans.length > 1 ? spans.slice(0, -1) : spans
    if (seen.length > 0) this.#isLossy = seen.some(isOver(this.#isLossy ? cleanShare : lossyShare))
  }

  #within(ms: number, nowMs: number): Arrivals {
    const last = this.#last
    const from = this.#samples.findLast(({ atMs }) => atMs <= nowMs - ms) ?? this.#samples[0]
    if (last === undefined || from === undefined) return noArrivals
    return { settled: last.settled - from.settled, lost: last.lost - from.lost, runs: last.runs - from.runs }
  }

  /** A second apart for a minute, then ten seconds, and nothing that is older than the longest window. */
  #thin(nowMs: number): void {
    const samples = this.#samples
    const [, second] = samples
    if (second !== undefined && second.atMs <= nowMs - longestMs) samples.shift()
    const aged = samples.findLastIndex(({ atMs }) => atMs < nowMs - recentMs)
    const [before, one] = [samples[aged - 1], samples[aged]]
    if (before !== undefined && one !== undefined && one.atMs - before.atMs < coarseMs) {
      // The older of two goes on standing for both, until it is far enough from the one before it.
      if ((samples[aged - 2]?.atMs ?? Number.NEGATIVE_INFINITY) > one.atMs - coarseMs) samples.splice(aged - 1, 1)
    }
  }
}
