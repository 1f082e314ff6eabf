import { printable, withAncestors } from '@agent-mesh/wire'
import { everyService, type Subject } from './language.ts'
import { keysOfSubject, withMemberships, type SubjectKey } from './subject-keys.ts'
import type { Cell, CompiledPolicy, Rule } from './compile.ts'

/** What somebody wants to do. */
export interface Question {
  caller: Subject
  callee: Subject
  service: string
  /** Those that the service answers. */
  capabilities: readonly string[]
  nowMs: number
}

export interface Decision {
  allowed: boolean
  /** `grant 3, line 14: from ops to web-servers`; where it is denied, that nothing grants it. */
  rule: string
  /** Of the grant. */
  line?: number
}

type Live = (rule: Rule) => boolean

const firstLive = (rules: readonly Rule[] | undefined, isLive: Live): Rule | undefined => rules?.find(isLive)

const earlier = (a: Rule | undefined, b: Rule | undefined): Rule | undefined =>
  a === undefined || (b !== undefined && b.number < a.number) ? b : a

const firstInCell = (cell: Cell, service: string, paths: readonly string[], isLive: Live): Rule | undefined => {
  let first = earlier(firstLive(cell.services.get(service), isLive), firstLive(cell.services.get(everyService), isLive))
  if (cell.capabilities.size === 0) return first
  for (const path of paths) first = earlier(first, firstLive(cell.capabilities.get(path), isLive))
  return first
}

/** Each path and its ancestors: a grant for an ancestor covers it. */
const pathsOf = (capabilities: readonly string[]): string[] =>
  capabilities.length === 0 ? [] : [...new Set(capabilities.flatMap(withAncestors))]

/**
 * The first grant of the file that allows it. Costs as many lookups as the two have keys: the number of grants has no
 * part in it.
 */
export const findRule = (
  { rules }: CompiledPolicy,
  callers: Iterable<SubjectKey>,
  callees: ReadonlySet<SubjectKey>,
  { service, capabilities, nowMs }: Pick<Question, 'service' | 'capabilities' | 'nowMs'>
): Rule | undefined => {
  const paths = pathsOf(capabilities)
  const isLive: Live = ({ untilMs }) => nowMs < untilMs
  let first: Rule | undefined
  for (const caller of callers) {
    const row = rules.get(caller)
    if (row === undefined) continue
    // Whichever is shorter: what the policy says of this caller, or what the callee is.
    for (const callee of row.size < callees.size ? row.keys() : callees) {
      const cell = callees.has(callee) ? row.get(callee) : undefined
      if (cell !== undefined) first = earlier(first, firstInCell(cell, service, paths, isLive))
    }
  }
  return first
}

const nameOf = ({ name, peerId }: Subject): string => printable(name === '' ? peerId : name, 64)

/** Decides by the first grant that matches; what none grants is denied. */
export const decide = (policy: CompiledPolicy, question: Question): Decision => {
  const { caller, callee, service } = question
  const [callers, callees] = [caller, callee].map((subject) =>
    withMemberships(keysOfSubject(subject), policy.memberships)
  )
  const rule = findRule(policy, callers ?? [], callees ?? new Set(), question)
  if (rule !== undefined) return { allowed: true, rule: rule.text, line: rule.line }
  return {
    allowed: false,
    rule: `none of ${policy.grantCount} grants lets ${nameOf(caller)} use ${printable(service, 64)} of ${nameOf(callee)}`
  }
}
