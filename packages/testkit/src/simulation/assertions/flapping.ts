import type { Outcome } from '../simulation.ts'
import type { Change } from '../trace.ts'

/** What one node saw of another, from a time on. */
export const historyOf = ({ trace }: Outcome, observer: number, subject: number, fromMs = 0): Change[] =>
  trace.changes.filter((one) => one.observer === observer && one.subject === subject && one.atMs >= fromMs)

/** How often a state came back that had been left: 0 where every change led on. */
export const flaps = (history: readonly Change[]): number => {
  const seen = new Set<string>()
  let count = 0
  for (const { from, to } of history) {
    if (from !== to && from !== undefined) seen.add(from)
    if (from !== to && seen.has(to)) count += 1
  }
  return count
}
