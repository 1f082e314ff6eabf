import { printable } from '@agent-mesh/wire'
import { everyService, type ParsedGrant, type ParsedPolicy, type SubjectWord } from './language.ts'
import { keysOfWord, walkMemberships, type Memberships, type SubjectKey } from './subject-keys.ts'

/** A grant as a decision needs it. */
export interface Rule {
  /** Place in the file; the lowest that matches decides. */
  number: number
  line: number
  /** Infinity: for good. */
  untilMs: number
  /** `grant 3, line 14: from ops to web-servers`. */
  text: string
}

/** What one kind of caller may do with one kind of callee. */
export interface Cell {
  /** By name of service, `*` among them. In the order of the file, each later one longer valid than those before. */
  services: ReadonlyMap<string, readonly Rule[]>
  capabilities: ReadonlyMap<string, readonly Rule[]>
}

/** A policy to decide with. Never changes. */
export interface CompiledPolicy {
  readonly rules: ReadonlyMap<SubjectKey, ReadonlyMap<SubjectKey, Cell>>
  readonly memberships: Memberships
  readonly grantCount: number
  /** Sentences for people: what is allowed by itself, yet seldom meant. */
  readonly warnings: readonly string[]
}

export interface CompileOptions {
  /** From a peer id to the one that its owner goes on with: what the policy says of the old one holds for the last. */
  successors?: ReadonlyMap<string, string>
}

/** Follows a chain of successions to its end; a chain that comes back to its beginning leads nowhere. */
const lastSuccessor = (peerId: string, successors: ReadonlyMap<string, string>): string => {
  const seen = new Set([peerId])
  let last = peerId
  for (let next = successors.get(last); next !== undefined; next = successors.get(last)) {
    if (seen.has(next)) return peerId
    seen.add(next)
    last = next
  }
  return last
}

const longestList = 80

const list = (words: readonly SubjectWord[]): string =>
  printable(words.map((word) => word.text).join(', '), longestList)

const textOf = ({ number, at, from, to }: ParsedGrant): string => {
  return `grant ${number}, line ${at.line}: from ${list(from)} to ${list(to)}`
}

const isForEverybody = ({ from, to, services }: ParsedGrant): boolean =>
  services.includes(everyService) && [from, to].every((words) => words.some(({ kind }) => kind === 'members'))

const warningsOf = ({ file, grants }: ParsedPolicy): string[] => {
  const open = grants.find(isForEverybody)
  if (grants.length === 0) return [`${file} has no grants: every member is denied everything.`]
  if (open === undefined) return []
  const until = open.untilMs === undefined ? '' : ` until ${new Date(open.untilMs).toISOString()}`
  return [`${file}:${open.at.line}: every member may use every service of every member${until}.`]
}

interface MutableCell {
  services: Map<string, Rule[]>
  capabilities: Map<string, Rule[]>
}

/** A rule that ends no later than an earlier one never decides. */
const addRule = (rules: Map<string, Rule[]>, key: string, rule: Rule): void => {
  const before = rules.get(key)
  if (before === undefined) rules.set(key, [rule])
  else if ((before.at(-1)?.untilMs ?? 0) < rule.untilMs) before.push(rule)
}

const inside = <K, V>(map: Map<K, V>, key: K, make: () => V): V => {
  const found = map.get(key) ?? make()
  map.set(key, found)
  return found
}

/**
 * Builds the structure that decides. The same source and successors give the same decisions on every node: neither
 * clock nor acquaintances have a part in it.
 */
export const compilePolicy = (
  parsed: ParsedPolicy,
  { successors = new Map() }: CompileOptions = {}
): CompiledPolicy => {
  const keysOf = (word: SubjectWord): SubjectKey[] =>
    keysOfWord(word.kind === 'peer' ? { ...word, value: lastSuccessor(word.value, successors) } : word)
  const rules = new Map<SubjectKey, Map<SubjectKey, MutableCell>>()
  for (const grant of parsed.grants) {
    const { number, at, untilMs = Infinity } = grant
    const rule: Rule = { number, line: at.line, untilMs, text: textOf(grant) }
    const callees = grant.to.flatMap(keysOf)
    for (const caller of grant.from.flatMap(keysOf)) {
      const row = inside(rules, caller, () => new Map<SubjectKey, MutableCell>())
      for (const callee of callees) {
        const cell = inside(row, callee, () => ({ services: new Map(), capabilities: new Map() }))
        for (const service of grant.services) addRule(cell.services, service, rule)
        for (const capability of grant.capabilities) addRule(cell.capabilities, capability, rule)
      }
    }
  }
  return Object.freeze({
    rules,
    memberships: new Map(walkMemberships(parsed.groups, keysOf)),
    grantCount: parsed.grants.length,
    warnings: warningsOf(parsed)
  })
}
