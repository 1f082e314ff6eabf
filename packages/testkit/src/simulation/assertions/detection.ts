import type { Outcome } from '../simulation.ts'

/** How long after its crash each running node held a crashed one dead; Infinity where it never did. Sorted. */
export const detectionTimesMs = (outcome: Outcome): number[] => {
  const { scenario, trace, running } = outcome
  const crashed = new Map<number, number>()
  for (const fault of scenario.faults)
    if (fault.is === 'crash') for (const node of fault.nodes) crashed.set(node, fault.atMs)
  const found = new Map<string, number>()
  for (const { to, subject, observer, atMs } of trace.changes) {
    const crashedMs = crashed.get(subject)
    const key = `${observer} ${subject}`
    if (to === 'dead' && crashedMs !== undefined && !found.has(key)) found.set(key, atMs - crashedMs)
  }
  return [...crashed.keys()]
    .flatMap((subject) => running.map((observer) => found.get(`${observer} ${subject}`) ?? Infinity))
    .toSorted((a, b) => a - b)
}

/** Of sorted numbers, the least that so large a share of them does not exceed; NaN of none. */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
