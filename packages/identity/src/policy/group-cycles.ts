import type { ParsedGroup } from './language.ts'
import type { Problems } from './problems.ts'

/** Reports each group that contains itself, over however many others. Iterative: a chain may be as long as the file. */
export const cycleProblems = (groups: readonly ParsedGroup[], problems: Problems): void => {
  const byName = new Map(groups.map((group) => [group.name, group]))
  const done = new Set<string>()
  for (const group of groups) {
    const path: Array<{ group: ParsedGroup; next: number }> = done.has(group.name) ? [] : [{ group, next: 0 }]
    const onPath = new Set([group.name])
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const word = top.group.members[top.next++]
      if (word === undefined) {
        done.add(top.group.name)
        onPath.delete(top.group.name)
        path.pop()
        continue
      }
      const inner = word.kind === 'group' ? byName.get(word.value) : undefined
      if (inner === undefined || done.has(inner.name)) continue
      if (!onPath.has(inner.name)) {
        path.push({ group: inner, next: 0 })
        onPath.add(inner.name)
        continue
      }
      const names = path.map((step) => step.group.name)
      const circle = [...names.slice(names.indexOf(inner.name)), inner.name].join(' → ')
      problems.add(word.at, `groups contain each other (${circle})`, `take ${inner.name} out of ${top.group.name}`)
    }
  }
}
