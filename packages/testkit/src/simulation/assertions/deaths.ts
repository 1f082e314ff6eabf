import type { Outcome } from '../simulation.ts'
import type { Change } from '../trace.ts'

/** Nodes that a scenario stops, cuts off or lets leave; what is said of the others is false. */
export const faulty = ({ scenario }: Outcome): ReadonlySet<number> =>
  new Set(
    scenario.faults.flatMap((fault) => {
      switch (fault.is) {
        case 'crash':
        case 'pause':
        case 'starve':
        case 'leave':
        case 'partition':
          return fault.nodes
        case 'one-way':
          return [fault.from, fault.to]
        case 'slander':
          return [fault.by]
        case 'loss':
        case 'delay':
          return []
      }
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
