import { findRule } from './decide.ts'
import { groupKey, keysOfSubject, keysOfWord, membersKey, withMemberships, type SubjectKey } from './subject-keys.ts'
import type { CompiledPolicy } from './compile.ts'
import type { Acquaintances } from './directory.ts'
import type { ParsedPolicy, Subject, SubjectWord, TestSubject } from './language.ts'
import type { Problems } from './problems.ts'

interface Circumstances {
  nowMs: number
  known: Acquaintances | undefined
  problems: Problems
}

const acquaintance = ({ kind, value }: SubjectWord, known: Acquaintances | undefined): Subject | undefined =>
  kind === 'peer' ? known?.withPeerId(value) : known?.named(value)

/** A bare word in a test is a member of that name, unless it is a group: then somebody of whom nothing else is known. */
const ownKeys = (subject: TestSubject, known: Acquaintances | undefined): SubjectKey[] => {
  const { word, name, peer, groups } = subject
  if (word === undefined) {
    const keys = keysOfSubject({ name: name ?? '', peerId: peer ?? '', groups })
    return [...keys, ...groups.map(groupKey)]
  }
  if (word.kind === 'either' && known?.groups.has(word.value) !== true) {
    return keysOfSubject(acquaintance(word, known) ?? { name: word.value, peerId: '', groups: [] })
  }
  if (word.kind === 'name' || word.kind === 'peer') {
    const stranger = { name: '', peerId: '', groups: [], [word.kind === 'name' ? 'name' : 'peerId']: word.value }
    return keysOfSubject(acquaintance(word, known) ?? stranger)
  }
  return [membersKey, ...keysOfWord(word)]
}

/** Runs the tests of a file against its grants, and reports each that does not come out as it says. */
export const runTests = (
  { tests }: ParsedPolicy,
  compiled: CompiledPolicy,
  { nowMs, known, problems }: Circumstances
): void => {
  for (const [index, test] of tests.entries()) {
    const [callers, callees] = [test.from, test.to].map((subject) =>
      withMemberships(ownKeys(subject, known), compiled.memberships)
    )
    const rule = findRule(compiled, callers ?? [], callees ?? new Set(), { ...test, nowMs })
    const outcome = rule === undefined ? 'deny' : 'allow'
    if (outcome === test.expect) continue
    const why = rule === undefined ? 'no grant allows it' : `${rule.text} allows it`
    problems.add(test.at, `test ${index + 1} expects ${test.expect}, but ${why}`, 'mend the grants or the test')
  }
}
