import type { Field } from './head.ts'

/** Who calls, from its verified certificate. */
export interface Caller {
  peerId: string
  name?: string
  groups: readonly string[]
}

/**
 * A field that this node writes, whoever else did: `Forwarded` and all of `Mesh-*`. Many servers hand fields to programs
 * with `-` and `_` made one, so both are the same here.
 */
export const isIdentityField = (name: string): boolean => {
  const plain = name.toLowerCase().replaceAll('_', '-')
  return plain.startsWith('mesh-') || plain === 'forwarded'
}

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
