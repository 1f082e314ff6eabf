import type { Outcome } from '../simulation.ts'
import type { Change } from '../trace.ts'

/** Nodes that a scenario stops, cuts off or lets leave; what is said of the others is false. */
export const faulty = ({ scenario }: Outcome): ReadonlySet<number> =>
  new Set(
    scenario.faults.flatMap((fault): readonly number[] => {
      if (fault.is === 'loss' || fault.is === 'delay') return []
      if (fault.is === 'one-way') return [fault.from, fault.to]
      return fault.is === 'slander' ? [fault.by] : fault.nodes
    })
  )

/** Deaths of healthy nodes, in the view of anybody. */
export const falseDeaths = (outcome: Outcome): Change[] => {
  const excepted = faulty(outcome)
  return outcome.trace.changes.filter(({ to, subject }) => to === 'dead' && !excepted.has(subject))
}

/** Suspicions of healthy nodes, each view counted. */
export const falseSuspicions = (outcome: Outcome): Change[] => {
  const excepted = faulty(outcome)
  return outcome.trace.changes.filter(({ to, subject }) => to === 'suspect' && !excepted.has(subject))
}
