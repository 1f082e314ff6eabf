import { median } from './median.ts'
import type { Metric } from './workloads/workload.ts'

/** Figures of one turn by metric; `cpuSecondsPerGiB` where payload was counted. */
export type Sample = Record<string, number>

/** What one workload gave. */
export interface Comparison {
  workload: string
  describe: string
  metrics: Record<string, Metric>
  /** By contender, one for each round. */
  samples: Record<string, Sample[]>
  /** By contender, why it has no figures. */
  skipped: Record<string, string>
  /** Load of the machine at the start of each round. */
  loads: number[]
}

/** Medians of one contender, and how they compare with the others of the same run. */
interface Row {
  contender: string
  medians: Record<string, number>
  /** Each median divided by that of plain TCP, and by that of ssh. */
  ofDirect: Record<string, number>
  ofSsh: Record<string, number>
}

export interface Summary {
  rows: Row[]
  /**
   * Of the rounds of plain TCP: how far the fastest and the slowest are apart, as a part of their median; worst metric of
   * those that are even at rest. NaN where plain TCP took no part.
   */
  spread: number
  /** Others used the machine: the figures are not to be believed. */
  isNoisy: boolean
}

export const cpuMetric = 'cpuSecondsPerGiB'

/** Above this spread of plain TCP a run is noisy: at rest it is below 0.1 on the machines where this was tried. */
const noisyAbove = 0.25

const mediansOf = (samples: readonly Sample[]): Record<string, number> => {
  const names = Object.keys(samples[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, median(samples.map((one) => one[name] ?? Number.NaN))]))
}

const ratios = (medians: Record<string, number>, base: Record<string, number> | undefined): Record<string, number> =>
  base === undefined
    ? {}
    : Object.fromEntries(
        Object.entries(medians)
          .filter(([name]) => name !== cpuMetric && (base[name] ?? 0) > 0)
          .map(([name, value]) => [name, value / (base[name] ?? Number.NaN)])
      )

const spreadOf = (samples: readonly Sample[], metrics: readonly string[]): number =>
  Math.max(
    0,
    ...metrics.map((metric) => {
      const values = samples.map((one) => one[metric] ?? Number.NaN)
      return (Math.max(...values) - Math.min(...values)) / median(values)
    })
  )

const evenMetrics = (metrics: Record<string, Metric>): string[] =>
  Object.keys(metrics).filter((name) => metrics[name]?.isUneven !== true)

/** Medians, ratios within the run, and whether it can be believed. Pure. */
export const summarise = ({ samples, metrics }: Comparison): Summary => {
  const medians = new Map(Object.entries(samples).map(([name, list]) => [name, mediansOf(list)]))
  const [ofDirect, ofSsh] = [medians.get('direct'), medians.get('ssh')]
  const plain = samples['direct'] ?? []
  const spread = plain.length === 0 ? Number.NaN : spreadOf(plain, evenMetrics(metrics))
  return {
    rows: [...medians].map(([contender, own]) => ({
      contender,
      medians: own,
      ofDirect: ratios(own, ofDirect),
      ofSsh: ratios(own, ofSsh)
    })),
    spread,
    isNoisy: !(spread <= noisyAbove)
  }
}
