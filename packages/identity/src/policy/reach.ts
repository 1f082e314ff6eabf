import { findRule } from './decide.ts'
import { everyService, type ParsedGrant, type ParsedPolicy, type SubjectWord } from './language.ts'
import { keysOfWord, membersKey, withMemberships, type SubjectKey } from './subject-keys.ts'
import type { CompiledPolicy } from './compile.ts'
import type { Problems } from './problems.ts'

/** Lookups that one grant and a whole file may cost; a grant that would need more is taken for useful. */
const mostLookupsOfGrant = 250_000
const mostLookups = 16_000_000

/** Everybody whom a word means, down through the groups of the file; an empty group means nobody. */
const createLeaves = ({ groups }: ParsedPolicy): ((word: SubjectWord) => readonly SubjectWord[]) => {
  const byName = new Map(groups.map((group) => [group.name, group]))
  const known = new Map<string, readonly SubjectWord[]>()
  const walk = (word: SubjectWord): readonly SubjectWord[] => {
    const found = new Map([[word.text, word]])
    // A map hands out what is added while it is walked.
    for (const { kind, value } of found.values()) {
      if (kind !== 'group') continue
      for (const inner of byName.get(value)?.members ?? []) found.set(inner.text, inner)
    }
    return [...found.values()].filter(({ kind }) => kind !== 'group')
  }
  return (word) => {
    if (word.kind !== 'group') return [word]
    const leaves = known.get(word.value) ?? walk(word)
    known.set(word.value, leaves)
    return leaves
  }
}

/** Looks for grants that can never be the one that allows. */
class Reach {
  readonly #compiled: CompiledPolicy
  readonly #leavesOf: (word: SubjectWord) => readonly SubjectWord[]
  /** What somebody has who is one thing and nothing else, by that. */
  readonly #people = new Map<SubjectKey, ReadonlySet<SubjectKey>>()
  #budget = mostLookups

  constructor(parsed: ParsedPolicy, compiled: CompiledPolicy) {
    this.#compiled = compiled
    this.#leavesOf = createLeaves(parsed)
  }

  #count(words: readonly SubjectWord[]): number {
    return words.reduce((sum, word) => sum + this.#leavesOf(word).length, 0)
  }

  #peopleOf(words: readonly SubjectWord[]): Array<ReadonlySet<SubjectKey>> {
    const keys = words.flatMap((word) => this.#leavesOf(word)).flatMap(keysOfWord)
    return keys.map((key) => {
      const person = this.#people.get(key) ?? withMemberships([key, membersKey], this.#compiled.memberships)
      this.#people.set(key, person)
      return person
    })
  }

  emptySide(grant: ParsedGrant): 'from' | 'to' | undefined {
    return (['from', 'to'] as const).find((side) => this.#count(grant[side]) === 0)
  }

  /** The line of an earlier grant, where earlier ones allow all of this one, for everybody whom it is for. */
  shadowOf(grant: ParsedGrant): number | undefined {
    const actions = [
      ...grant.services.map((service) => ({ service, capabilities: [] })),
      ...grant.capabilities.map((capability) => ({ service: everyService, capabilities: [capability] }))
    ]
    // At its last moment: who stands earlier and allows then allows at every moment before.
    const nowMs = grant.untilMs === undefined ? Number.MAX_VALUE : grant.untilMs - 1
    const callees = this.#peopleOf(grant.to)
    const most = Math.min(this.#budget, mostLookupsOfGrant)
    let lookups = 0
    let line: number | undefined
    for (const caller of this.#peopleOf(grant.from)) {
      for (const callee of callees) {
        const cost = caller.size * callee.size * actions.length
        lookups += cost
        if (lookups > most) return undefined
        this.#budget -= cost
        for (const action of actions) {
          const rule = findRule(this.#compiled, caller, callee, { ...action, nowMs })
          if (rule === undefined || rule.number >= grant.number) return undefined
          line ??= rule.line
        }
      }
    }
    return line
  }
}

/** Reports grants that can never be the one that allows. */
export const checkReach = (parsed: ParsedPolicy, compiled: CompiledPolicy, nowMs: number, problems: Problems): void => {
  const reach = new Reach(parsed, compiled)
  for (const grant of parsed.grants) {
    const { number, at, untilMs } = grant
    const empty = reach.emptySide(grant)
    if (empty !== undefined) {
      problems.add(at, `grant ${number} holds for nobody: its ${empty} is empty`, 'add members, or take the grant out')
    } else if (grant.services.length + grant.capabilities.length === 0) {
      problems.add(at, `grant ${number} is for no service and no capability`, 'name some, or take the grant out')
    } else if (untilMs !== undefined && untilMs <= nowMs) {
      problems.add(at, `grant ${number} ended at ${new Date(untilMs).toISOString()}`, 'take it out, or set it later')
    } else {
      const line = reach.shadowOf(grant)
      if (line !== undefined) {
        problems.add(at, `grant ${number} adds nothing: line ${line} allows it already`, 'take one of them out')
      }
    }
  }
}
