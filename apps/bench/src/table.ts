import { cpuMetric, summarise, type Comparison } from './summary.ts'
import type { Unit } from './workloads/workload.ts'

const written: Record<Unit, (value: number) => string> = {
  'bit/s': (value) => `${(value / 1e9).toFixed(2)} Gbit/s`,
  ms: (value) => `${value.toFixed(value < 10 ? 3 : 1)} ms`,
  MiB: (value) => `${value.toFixed(0)} MiB`,
  '1/s': (value) => `${value.toFixed(0)} /s`,
  times: (value) => `×${value.toFixed(2)}`
}

/** A figure as people read it. */
export const figure = (value: number | undefined, unit: Unit): string =>
  value === undefined || Number.isNaN(value) ? '-' : written[unit](value)

const times = (ratio: number | undefined): string => (ratio === undefined ? '-' : `×${ratio.toFixed(2)}`)

/** Times are compared with plain TCP by what they add, all else by a ratio. */
const besideDirect = (unit: Unit, value: number | undefined, ratio: number | undefined): string => {
  if (unit !== 'ms' || value === undefined || ratio === undefined) return times(ratio)
  return `+${(value - value / ratio).toFixed(3)} ms`.replace('+-', '-')
}

const width = 14

const line = (first: string, cells: readonly string[]): string =>
  `  ${first.padEnd(14)}${cells.map((cell) => cell.padStart(width)).join('')}`

const believed = (spread: number, isNoisy: boolean): string =>
  Number.isNaN(spread)
    ? 'plain TCP took no part, so nothing tells whether others used the machine'
    : `rounds of plain TCP ${(100 * spread).toFixed(0)} % apart${isNoisy ? ': NOISY, measure again' : ''}`

/** Lines for people: one for each contender, then who was left out and whether the run can be believed. */
export const comparisonTable = (comparison: Comparison): string[] => {
  const { workload, describe, metrics, skipped, loads } = comparison
  const { rows, spread, isNoisy } = summarise(comparison)
  const names = Object.keys(metrics)
  const hasCpu = rows.some(({ medians }) => medians[cpuMetric] !== undefined)
  const mean = loads.reduce((sum, one) => sum + one, 0) / Math.max(1, loads.length)
  return [
    `${workload}: ${describe}`,
    line('', [...names.flatMap((name) => [name, 'of direct', 'of ssh']), ...(hasCpu ? ['CPU s/GiB'] : [])]),
    ...rows.map(({ contender, medians, ofDirect, ofSsh }) =>
      line(contender, [
        ...names.flatMap((name) => [
          figure(medians[name], metrics[name]?.unit ?? 'ms'),
          besideDirect(metrics[name]?.unit ?? 'times', medians[name], ofDirect[name]),
          times(ofSsh[name])
        ]),
        ...(hasCpu ? [contender === 'direct' ? '-' : (medians[cpuMetric]?.toFixed(2) ?? '-')] : [])
      ])
    ),
    ...Object.entries(skipped).map(([name, reason]) => `  ${name.padEnd(14)}left out: ${reason}`),
    `  load ${mean.toFixed(1)}, ${believed(spread, isNoisy)}`
  ]
}
