const pending = new Set<() => void>()

const runAll = (): void => {
  for (const undo of [...pending].toReversed()) undo()
  pending.clear()
}

process.once('exit', runAll)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))

/** Has something undone when the process ends, also by a signal. @returns what takes that back */
export const atEnd = (undo: () => void): (() => void) => {
  pending.add(undo)
  return () => void pending.delete(undo)
}
