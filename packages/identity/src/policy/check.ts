import { checkReach } from './reach.ts'
import { compilePolicy, type CompiledPolicy } from './compile.ts'
import { Acquaintances, type PolicyDirectory } from './directory.ts'
import { didYouMean } from './nearest.ts'
import { Problems } from './problems.ts'
import { runTests } from './tests.ts'
import type { ParsedPolicy, SubjectWord } from './language.ts'

export interface CheckOptions {
  nowMs: number
  /** Who is known. Absent: every name may be right, and the warnings say so. */
  directory?: PolicyDirectory
}

export interface CheckedPolicy {
  compiled: CompiledPolicy
  /** Sentences for people. */
  warnings: string[]
}

const wordsOf = ({ groups, grants, tests }: ParsedPolicy): SubjectWord[] => [
  ...groups.flatMap(({ members }) => members),
  ...grants.flatMap(({ from, to }) => [...from, ...to]),
  ...tests.flatMap(({ from, to }) => [from.word ?? [], to.word ?? []].flat())
]

/** Words that a suggestion may name. */
const knownWords = (parsed: ParsedPolicy, known: Acquaintances): string[] => [
  ...parsed.groups.map(({ name }) => name),
  ...known.groups,
  ...known.names,
  'members'
]

/** Suggestions that are looked for in one file: many wrong words are one wrong directory. */
const mostSuggestions = 20

const toCome = (value: string): string => `write name:${value} or group:${value} for one that is yet to come`

/** Whether words mean somebody, and only one. What has a prefix or is a peer id was written on purpose. */
const checkWords = (parsed: ParsedPolicy, known: Acquaintances, problems: Problems): void => {
  const words = knownWords(parsed, known)
  let suggestions = mostSuggestions
  for (const { kind, value, text, at } of wordsOf(parsed)) {
    const isName = known.names.has(value)
    const isGroup = kind === 'group' || known.groups.has(value)
    if (text !== value || (kind !== 'group' && kind !== 'either')) continue
    if (isName && isGroup) {
      problems.add(at, `"${text}" is a group and a member`, `write group:${value} or name:${value}`)
    } else if (!isName && !isGroup) {
      const near = suggestions-- > 0 ? didYouMean(value, words) : undefined
      problems.add(at, `"${text}" is neither a known member nor a known group`, near ?? toCome(value))
    }
  }
}

const isKnown = ({ kind, value }: SubjectWord, known: Acquaintances): boolean =>
  kind === 'peer'
    ? known.peers.has(value)
    : kind === 'name'
      ? known.names.has(value)
      : kind !== 'certificateGroup' || known.groups.has(value)

const mostWarnings = 100

/** One for each word, at the first place where it stands. */
const warn = (parsed: ParsedPolicy, isMeant: (word: SubjectWord) => boolean, what: (word: SubjectWord) => string) => {
  const words = new Map<string, SubjectWord>()
  for (const word of wordsOf(parsed)) if (isMeant(word) && !words.has(word.text)) words.set(word.text, word)
  return [...words.values()]
    .slice(0, mostWarnings)
    .map((word) => `${parsed.file}:${word.at.line}:${word.at.column}: ${what(word)}.`)
}

const unsureWarnings = (parsed: ParsedPolicy): string[] =>
  warn(
    parsed,
    ({ kind }) => kind === 'either',
    ({ value }) =>
      `"${value}" holds for a member of that name and for the certificate group; write name:${value} or group:${value}`
  )

const unknownWarnings = (parsed: ParsedPolicy, known: Acquaintances): string[] =>
  warn(
    parsed,
    (word) => !isKnown(word, known),
    ({ text }) => `"${text}" is not known here`
  )

const hiddenWarnings = ({ file, groups }: ParsedPolicy, known: Acquaintances): string[] =>
  groups
    .filter(({ name }) => known.groups.has(name))
    .map(({ at, name }) => `${file}:${at.line}: group "${name}" hides the group of that name in certificates.`)

/**
 * What an author is told before a policy is signed: names that nobody has, grants that can never decide, tests that
 * fail. None of it is looked at by those who receive the policy, for it depends on the clock and on whom one knows.
 * @throws MeshError POLICY_INVALID with file, line, column and suggestion of the first problem, and all of them in
 * `details.problems`
 */
export const checkPolicy = (parsed: ParsedPolicy, { nowMs, directory }: CheckOptions): CheckedPolicy => {
  const problems = new Problems(parsed.file)
  const compiled = compilePolicy(parsed)
  const known = directory === undefined ? undefined : new Acquaintances(directory)
  if (known !== undefined) checkWords(parsed, known, problems)
  checkReach(parsed, compiled, nowMs, problems)
  runTests(parsed, compiled, { nowMs, known, problems })
  problems.throwIfAny()
  const warnings =
    known === undefined ? unsureWarnings(parsed) : [...unknownWarnings(parsed, known), ...hiddenWarnings(parsed, known)]
  return { compiled, warnings: [...compiled.warnings, ...warnings] }
}
