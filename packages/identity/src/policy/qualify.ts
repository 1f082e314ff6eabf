import { Acquaintances, type PolicyDirectory } from './directory.ts'
import { parsePolicy } from './parse.ts'
import type { ParsedPolicy, SubjectWord } from './language.ts'

const replacement = ({ kind, value }: SubjectWord, known: Acquaintances): string | undefined => {
  if (kind !== 'either') return undefined
  const isName = known.names.has(value)
  const isGroup = known.groups.has(value)
  if (isName === isGroup) return undefined
  return `${isGroup ? 'group' : 'name'}:${value}`
}

/**
 * Writes `name:` or `group:` before each bare word that the file itself does not define, as the directory knows it.
 * A bare word would also hold for whoever joins under the name of a group later. Lines and comments stay.
 * @returns the source to sign. Words that the directory does not know, or knows as both, stay as they are
 * @throws MeshError POLICY_INVALID
 */
export const qualifyPolicy = ({ source, file, groups, grants }: ParsedPolicy, directory: PolicyDirectory): string => {
  const known = new Acquaintances(directory)
  const words = [...groups.flatMap(({ members }) => members), ...grants.flatMap(({ from, to }) => [...from, ...to])]
  let out = ''
  let done = 0
  for (const word of words.toSorted((a, b) => a.range[0] - b.range[0])) {
    const text = replacement(word, known)
    if (text === undefined) continue
    const [from, to] = word.range
    out += `${source.slice(done, from)}${text}`
    done = to
  }
  out += source.slice(done)
  // What is signed must read back: a file of the largest size grows over it.
  parsePolicy(out, { file })
  return out
}
