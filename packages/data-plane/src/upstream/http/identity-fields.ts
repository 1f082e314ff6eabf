import type { Field } from './head.ts'

/** Who calls, from its verified certificate. */
export interface Caller {
  peerId: string
  name?: string
  groups: readonly string[]
}

/**
 * A field that only nodes write: all of `Mesh-*`. Many servers hand fields to programs with `-` and `_` made one, so both
 * are the same here.
 */
export const isMeshField = (name: string): boolean => /^mesh[-_]/i.test(name)

/** A field that the node of a service writes, whoever else did. */
export const isIdentityField = (name: string): boolean => isMeshField(name) || /^forwarded$/i.test(name)

/**
 * The fields that tell a service who calls. In `Forwarded` (RFC 7239) the peer ids are obfuscated identifiers, which begin
 * with an underscore.
 */
export const identityFields = ({ peerId, name, groups }: Caller, selfId: string): Field[] => [
  { name: 'Mesh-Peer-Id', value: peerId },
  ...(name === undefined ? [] : [{ name: 'Mesh-Peer-Name', value: name }]),
  { name: 'Mesh-Peer-Groups', value: groups.join(', ') },
  { name: 'Forwarded', value: `for=_${peerId};by=_${selfId};proto=http` }
]
