import { capabilityMatches } from '@agent-mesh/wire'
import type { Question, Subject } from '@agent-mesh/identity'

/** A policy as its author thinks of it: words, in the order of the file. */
export interface PlainPolicy {
  groups: Record<string, string[]>
  grants: Array<{ from: string[]; to: string[]; services: string[]; capabilities: string[]; until?: string }>
}

const means = (
  word: string,
  subject: Subject,
  policy: PlainPolicy,
  successors: ReadonlyMap<string, string>
): boolean => {
  if (word === 'members') return true
  const [, prefix, value = ''] = /^(?:(peer|name|group):)?(.*)$/.exec(word) ?? []
  if (value.startsWith('12D3Koo')) {
    let last = value
    for (let next = successors.get(last); next !== undefined; next = successors.get(last)) last = next
    return subject.peerId === last
  }
  if (prefix === 'name') return subject.name === value
  const inFile = policy.groups[value]
  if (inFile !== undefined) return inFile.some((inner) => means(inner, subject, policy, successors))
  return subject.groups.includes(value) || (prefix === undefined && subject.name === value)
}

/** Reads the grants from the first to the last. @returns the number of the first that allows, from 1 */
export const firstGrant = (
  policy: PlainPolicy,
  { caller, callee, service, capabilities, nowMs }: Question,
  successors: ReadonlyMap<string, string>
): number | undefined => {
  const index = policy.grants.findIndex(
    (grant) =>
      (grant.until === undefined || nowMs < Date.parse(grant.until)) &&
      grant.from.some((word) => means(word, caller, policy, successors)) &&
      grant.to.some((word) => means(word, callee, policy, successors)) &&
      (grant.services.some((name) => name === '*' || name === service) ||
        grant.capabilities.some((path) => capabilities.some((offered) => capabilityMatches(offered, path))))
  )
  return index === -1 ? undefined : index + 1
}
