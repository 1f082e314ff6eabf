import { summarise, type Comparison } from './summary.ts'

/** A ratio that is another one than the stored run's. */
export interface Change {
  contender: string
  metric: string
  /** Divided by plain TCP of the same run. */
  stored: number
  measured: number
  isBetter: boolean
}

/** Below this a difference of two ratios is chance. */
const changedAbove = 0.15

/**
 * What has changed since a stored run. Each run is a ratio to its own plain TCP before the two are compared, so that the
 * machine falls out as far as it can. Pure.
 */
export const changesSince = (stored: Comparison, measured: Comparison): Change[] => {
  const before = new Map(summarise(stored).rows.map((row) => [row.contender, row.ofDirect]))
  return summarise(measured).rows.flatMap(({ contender, ofDirect }) =>
    Object.entries(ofDirect).flatMap(([metric, ratio]) => {
      const old = before.get(contender)?.[metric]
      if (old === undefined || contender === 'direct' || Math.abs(ratio / old - 1) <= changedAbove) return []
      const isBetter = ratio > old === (measured.metrics[metric]?.isHigherBetter ?? true)
      return [{ contender, metric, stored: old, measured: ratio, isBetter }]
    })
  )
}

/** Lines for people. */
export const changeLines = (changes: readonly Change[]): string[] =>
  changes.map(
    ({ contender, metric, stored, measured, isBetter }) =>
      `  ${isBetter ? 'better' : 'WORSE'} than the stored run: ${contender}, ${metric} is ×${measured.toFixed(2)} of direct, was ×${stored.toFixed(2)}`
  )
