import { describe, expect, it } from 'vitest'
import { changesSince } from '../src/baseline.ts'
import { chart } from '../src/chart.ts'
import { summarise, type Comparison } from '../src/summary.ts'
import { comparisonTable } from '../src/table.ts'

const comparison = (samples: Record<string, number[]>, skipped: Record<string, string> = {}): Comparison => ({
  workload: 'stream',
  describe: 'one stream <of TCP>',
  metrics: { up: { unit: 'bit/s', isHigherBetter: true } },
  samples: Object.fromEntries(
    Object.entries(samples).map(([name, list]) => [name, list.map((up) => ({ up, cpuSecondsPerGiB: 1 }))])
  ),
  skipped,
  loads: [1, 2]
})

const quiet = comparison({ direct: [10e9, 10.5e9, 10.2e9], ssh: [5e9, 5.1e9, 9e9], mesh: [4.08e9, 4.1e9, 1e9] })

describe('summarise', () => {
  it('takes medians, and ratios to plain TCP and to ssh of the same run', () => {
    const { rows, isNoisy } = summarise(quiet)
    const mesh = rows.find(({ contender }) => contender === 'mesh')
    expect(mesh?.medians['up']).toBe(4.08e9)
    expect(mesh?.ofDirect['up']).toBeCloseTo(0.4)
    expect(mesh?.ofSsh['up']).toBeCloseTo(0.8)
    expect(isNoisy).toBe(false)
  })

  it('makes no ratio of processor time', () => {
    expect(summarise(quiet).rows.every(({ ofSsh }) => !('cpuSecondsPerGiB' in ofSsh))).toBe(true)
  })

  it('calls a run noisy when rounds of plain TCP are more than a quarter apart', () => {
    expect(summarise(comparison({ direct: [10, 10, 12.4] })).isNoisy).toBe(false)
    expect(summarise(comparison({ direct: [10, 10, 12.6] })).isNoisy).toBe(true)
  })

  it('does not take noise from what differs at rest as well', () => {
    const uneven = comparison({ direct: [10, 10, 20] })
    uneven.metrics = { up: { unit: 'ms', isHigherBetter: false, isUneven: true } }
    expect(summarise(uneven).isNoisy).toBe(false)
  })

  it('believes no run in which plain TCP has no figures', () => {
    expect(summarise(comparison({ mesh: [1, 1, 1] })).isNoisy).toBe(true)
  })
})

describe('changesSince', () => {
  it('compares ratios, so that a slower machine is no change', () => {
    expect(changesSince(quiet, comparison({ direct: [5.1e9], ssh: [2.55e9], mesh: [2.04e9] }))).toEqual([])
  })

  it('names who lost more than what is chance', () => {
    const [change, ...more] = changesSince(quiet, comparison({ direct: [10.2e9], ssh: [5.1e9], mesh: [3e9] }))
    expect(more).toEqual([])
    expect(change).toMatchObject({ contender: 'mesh', metric: 'up', isBetter: false })
  })
})

describe('comparisonTable', () => {
  it('names who was left out, and why', () => {
    const lines = comparisonTable(comparison({ direct: [1, 1] }, { tinc: 'tincd is not installed' }))
    expect(lines.some((line) => line.includes('tinc') && line.includes('tincd is not installed'))).toBe(true)
  })
})

describe('chart', () => {
  it('draws a bar for each contender, as long as its median, and escapes texts', () => {
    const svg = chart(quiet, 'note')
    const lengths = [...svg.matchAll(/<rect [^>]*width="(\d+)"/g)].map(([, length]) => Number(length))
    expect(lengths).toHaveLength(3)
    expect((lengths[2] ?? 0) / (lengths[0] ?? 1)).toBeCloseTo(0.4, 1)
    expect(svg).toContain('one stream &lt;of TCP&gt;')
  })
})
