import { editDistance } from './edit-distance.ts'
import { MeshError } from './errors.ts'
import { limits } from './limits.ts'
import { quote } from './quote.ts'

const part = /^[a-z0-9_-]+$/

/**
 * Checks a capability path: parts of `[a-z0-9_-]+` joined by `/`.
 * @throws MeshError CAPABILITY_INVALID, with the offending part
 */
export const parseCapability = (text: string): string => {
  const fail = (why: string): never => {
    throw new MeshError('CAPABILITY_INVALID', `${quote(text, limits.capabilityLength)} is not a capability: ${why}.`)
  }
  if (text.length === 0) fail('it is empty')
  if (text.length > limits.capabilityLength) fail(`it has more than ${limits.capabilityLength} characters`)
  const parts = text.split('/')
  if (parts.length > limits.capabilityDepth) fail(`it has more than ${limits.capabilityDepth} parts`)
  for (const one of parts) {
    if (!part.test(one))
      fail(one === '' ? 'a part is empty' : `part ${quote(one)} has other characters than a-z, 0-9, _ and -`)
  }
  return text
}

/** The path and all its ancestors, the path first: `a/b/c`, `a/b`, `a`. */
export const withAncestors = (path: string): string[] => {
  const parts = path.split('/')
  return parts.map((_, i) => parts.slice(0, parts.length - i).join('/'))
}

/** True where `offered` is `wanted` or one of its descendants. */
export const capabilityMatches = (offered: string, wanted: string): boolean =>
  offered === wanted || offered.startsWith(`${wanted}/`)

/**
 * Known paths that a person may have meant: at most two edits away (one for short ones), or the same leaf under
 * another parent. Nearest first, at most `count`.
 */
export const nearCapabilities = (path: string, known: Iterable<string>, count = 3): string[] => {
  const most = path.length < 6 ? 1 : 2
  const leaf = path.split('/').at(-1)
  const scored: Array<{ candidate: string; score: number }> = []
  for (const candidate of new Set(known)) {
    if (candidate === path || candidate.startsWith(`${path}/`)) continue
    const edits = editDistance(path, candidate, most)
    if (edits <= most) scored.push({ candidate, score: edits })
    else if (candidate.split('/').at(-1) === leaf) scored.push({ candidate, score: most + 1 })
  }
  return scored
    .toSorted((a, b) => a.score - b.score || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, count)
    .map((s) => s.candidate)
}
