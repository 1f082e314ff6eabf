import { limits, looksLikePeerId, MeshError, parseName, quote } from '@agent-mesh/wire'
import { parsePeerId } from '@agent-mesh/control-plane'

/** Who asks for a service: what its certificate says. */
export interface Subject {
  peerId: string
  name: string
  groups: readonly string[]
}

/** Whom one service is for. */
export interface AllowList {
  /** As they are shown and stored: `members`, a peer id in base58, `group:<name>`, or a word. */
  readonly subjects: readonly string[]
  allows: (subject: Subject) => boolean
}

const groupPrefix = 'group:'

/**
 * One subject: `members`, a peer id, `group:<name>`, or a bare word, which means the member of that name and the group
 * of that name. Joining members choose their names, so `group:<name>` is what to write for a group.
 * @returns the subject as it is stored
 * @throws MeshError NAME_INVALID
 */
export const parseSubject = (text: string): string => {
  if (text === 'members') return text
  if (text.startsWith(groupPrefix)) return `${groupPrefix}${parseName(text.slice(groupPrefix.length), 'group')}`
  if (looksLikePeerId(text)) return parsePeerId(text).toString()
  try {
    return parseName(text)
  } catch (cause) {
    const why = cause instanceof Error ? ` ${cause.message}` : ''
    throw new MeshError('NAME_INVALID', `${quote(text)} is nobody whom a service may be open to.${why}`, {
      cause,
      hint: 'Write a member name, a peer id, group:<name> or members.'
    })
  }
}

const matches = (subject: string, { peerId, name, groups }: Subject): boolean =>
  subject === 'members' ||
  subject === peerId ||
  subject === name ||
  (subject.startsWith(groupPrefix) ? groups.includes(subject.slice(groupPrefix.length)) : groups.includes(subject))

/**
 * @param texts - at least one
 * @throws MeshError NAME_INVALID, LIMIT_EXCEEDED
 */
export const createAllowList = (texts: readonly string[]): AllowList => {
  const subjects = [...new Set(texts.map(parseSubject))]
  if (subjects.length > limits.allowedSubjects) {
    throw new MeshError(
      'LIMIT_EXCEEDED',
      `A service may be open to at most ${limits.allowedSubjects} named subjects, not ${subjects.length}; put them into a group.`
    )
  }
  return { subjects, allows: (subject) => subjects.some((one) => matches(one, subject)) }
}
