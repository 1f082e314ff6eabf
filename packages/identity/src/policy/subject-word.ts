import { peerIdFromString } from '@libp2p/peer-id'
import { looksLikePeerId, MeshError, parseName } from '@agent-mesh/wire'
import type { SubjectKind, SubjectWord } from './language.ts'
import type { Problems } from './problems.ts'
import type { Text } from './yaml-source.ts'

const prefixes = ['peer', 'name', 'group'] as const

/** base58, whichever of its forms was written. */
const readPeerId = (text: string): string | undefined => {
  if (!looksLikePeerId(text)) return undefined
  try {
    const peerId = peerIdFromString(text)
    return peerId.type === 'Ed25519' ? peerId.toString() : undefined
  } catch {
    return undefined
  }
}

const splitPrefix = (text: string): { prefix: (typeof prefixes)[number] | undefined; value: string } => {
  const prefix = prefixes.find((one) => text.startsWith(`${one}:`))
  return { prefix, value: prefix === undefined ? text : text.slice(prefix.length + 1) }
}

const clauseOf = (err: unknown): string =>
  err instanceof MeshError ? err.message.replace(/\.$/, '') : 'it does not parse'

/** Reads `members`, a peer id, a bare word, or one with `peer:`, `name:` or `group:` before it. */
export const readSubjectWord = (
  { value: text, at, range }: Text,
  fileGroups: ReadonlySet<string>,
  problems: Problems
): SubjectWord | undefined => {
  const word = (kind: SubjectKind, value: string): SubjectWord => ({ kind, value, text, at, range })
  if (text === 'members') return word('members', '')
  const { prefix, value } = splitPrefix(text)
  if (prefix === 'peer' || (prefix === undefined && looksLikePeerId(value))) {
    const peerId = readPeerId(value)
    if (peerId !== undefined) return word('peer', peerId)
    problems.add(at, `"${value}" is no peer id of an Ed25519 key`, 'copy it from mesh-node peers')
    return undefined
  }
  if (value === '*') {
    problems.add(at, '"*" is no subject', 'write members for everybody')
    return undefined
  }
  try {
    parseName(value, prefix === 'group' ? 'group' : 'member')
  } catch (err) {
    const suggestion = /[A-Z]/.test(value) ? `did you mean ${text.toLowerCase()}?` : undefined
    problems.add(at, clauseOf(err), suggestion)
    return undefined
  }
  if (prefix === 'name') return word('name', value)
  if (fileGroups.has(value)) return word('group', value)
  return word(prefix === 'group' ? 'certificateGroup' : 'either', value)
}

/** Reads a name or a path with one of our parsers; what that throws becomes a problem. */
export const readWith = (
  parse: (text: string) => string,
  { value, at }: Text,
  problems: Problems
): string | undefined => {
  try {
    return parse(value)
  } catch (err) {
    problems.add(at, clauseOf(err))
    return undefined
  }
}
