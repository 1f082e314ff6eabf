import type { Outcome } from '../simulation.ts'

/**
 * For every node that was paused and that somebody held suspect or dead when it went on: how long it took until it had
 * refuted. Infinity where it never did.
 */
export const refutationTimesMs = ({ scenario, trace }: Outcome): number[] =>
  scenario.faults.flatMap((fault) => {
    if (fault.is !== 'pause') return []
    const resumedMs = fault.atMs + fault.forMs
    return fault.nodes.flatMap((node) => {
      const isAccused = trace.changes.some(
        ({ subject, to, atMs }) => subject === node && to !== 'alive' && atMs >= fault.atMs && atMs < resumedMs
      )
      if (!isAccused) return []
      const refuted = trace.refutations.find(({ node: one, atMs }) => one === node && atMs >= resumedMs)
      return [(refuted?.atMs ?? Infinity) - resumedMs]
    })
  })
