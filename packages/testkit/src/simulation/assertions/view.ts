import type { Outcome } from '../simulation.ts'

/** Pairs of running nodes of whom one holds the other anything but alive, in the end. */
export const disagreements = ({ running, view }: Outcome): string[] =>
  running.flatMap((observer) =>
    running
      .filter((subject) => subject !== observer && view(observer, subject)?.state !== 'alive')
      .map((subject) => `n${observer} holds n${subject} ${view(observer, subject)?.state ?? 'unknown'}`)
  )

/** When the last of the changes came that the others waited for; undefined where nothing changed after that time. */
export const lastChangeMs = ({ trace }: Outcome, afterMs: number): number | undefined =>
  trace.changes.findLast(({ atMs }) => atMs >= afterMs)?.atMs
