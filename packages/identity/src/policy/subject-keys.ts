import type { ParsedGroup, Subject, SubjectWord } from './language.ts'

/**
 * Words and members meet in keys: text with a letter for its kind. A member has few of them (peer id, name, groups,
 * `members`), however long the policy is.
 */
export type SubjectKey = string

export const membersKey: SubjectKey = '*'
const peerKey = (peerId: string): SubjectKey => `p ${peerId}`
const nameKey = (name: string): SubjectKey => `n ${name}`
const certificateGroupKey = (group: string): SubjectKey => `c ${group}`
/** Of a group that the file defines. */
export const groupKey = (group: string): SubjectKey => `g ${group}`

/** Where a word of the policy is looked for. A bare word that the file does not define stands in two places. */
export const keysOfWord = ({ kind, value }: SubjectWord): SubjectKey[] => {
  switch (kind) {
    case 'members':
      return [membersKey]
    case 'peer':
      return [peerKey(value)]
    case 'name':
      return [nameKey(value)]
    case 'group':
      return [groupKey(value)]
    case 'certificateGroup':
      return [certificateGroupKey(value)]
    default:
      return [nameKey(value), certificateGroupKey(value)]
  }
}

/** What a member brings along, before the groups of the file. */
export const keysOfSubject = ({ peerId, name, groups }: Subject): SubjectKey[] => [
  membersKey,
  peerKey(peerId),
  nameKey(name),
  ...groups.map(certificateGroupKey)
]

/** Groups of the file that hold a key, over however many others. */
export type Memberships = ReadonlyMap<SubjectKey, readonly SubjectKey[]>

const directGroups = (groups: readonly ParsedGroup[], keysOf: (word: SubjectWord) => SubjectKey[]) => {
  const direct = new Map<SubjectKey, Set<SubjectKey>>()
  for (const { name, members } of groups) {
    for (const key of members.flatMap(keysOf)) {
      const found = direct.get(key) ?? new Set()
      direct.set(key, found.add(groupKey(name)))
    }
  }
  return direct
}

/** For each key that is in a group: all groups above it, nearest first. */
export const walkMemberships = function* (
  groups: readonly ParsedGroup[],
  keysOf: (word: SubjectWord) => SubjectKey[]
): Generator<[SubjectKey, SubjectKey[]]> {
  const direct = directGroups(groups, keysOf)
  for (const [key, inner] of direct) {
    const found = new Set<SubjectKey>(inner)
    // A set hands out what is added while it is walked.
    for (const group of found) for (const outer of direct.get(group) ?? []) found.add(outer)
    yield [key, [...found]]
  }
}

/** All keys of a member: its own, and the groups of the file that it is in by any of them. */
export const withMemberships = (own: readonly SubjectKey[], memberships: Memberships): ReadonlySet<SubjectKey> => {
  const all = new Set(own)
  for (const key of own) for (const group of memberships.get(key) ?? []) all.add(group)
  return all
}
