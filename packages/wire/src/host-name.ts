import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import { decode } from 'multiformats/hashes/digest'
import { parseCapability } from './capability.ts'
import { MeshError } from './errors.ts'
import { looksLikePeerId, parseName } from './name.ts'
import { quote } from './quote.ts'
import type { Target } from './target.ts'

/** What ends the host names of the mesh, where the configuration says nothing else. */
export const defaultSuffix = 'mesh'

/** RFC 1035, section 2.3.4, without the root's empty label. */
const longestHostName = 253
const longestLabel = 63
const suffixLabel = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/
/** Multicodec of a public key as an address of libp2p. */
const libp2pKey = 0x72

/** What a host name of the mesh stands for. A skill is the end of a capability path, or all of it, root first. */
export type HostName = Exclude<Target, { kind: 'capability' }> | { kind: 'skill'; parts: string[] }

const standardHint = 'Host names are <name>.mesh, <service>.<name>.mesh, <base36 peer id>.mesh and <skill>.cap.mesh.'

const refuse = (host: string, why: string, hint = standardHint): never => {
  throw new MeshError('TARGET_INVALID', `${quote(host, longestHostName)} is no host name of the mesh: ${why}.`, {
    hint
  })
}

/**
 * Checks what shall end the host names of the mesh: one or more DNS labels in lower case.
 * @throws MeshError NAME_INVALID
 */
export const parseSuffix = (text: string): string => {
  const labels = text.split('.')
  const isName = labels.every((label) => label.length <= longestLabel && suffixLabel.test(label))
  if (!isName || text.length > longestLabel || text === 'localhost' || /^[\d.]+$/.test(text))
    throw new MeshError('NAME_INVALID', `${quote(text)} cannot end host names.`, { hint: 'Example: mesh' })
  return text
}

const withoutDot = (host: string): string => (host.endsWith('.') ? host.slice(0, -1) : host)

/** Whether a host name is one of the mesh: only those are looked up by the node. */
export const isMeshHost = (host: string, suffix = defaultSuffix): boolean => {
  const plain = withoutDot(host).toLowerCase()
  return plain === suffix || plain.endsWith(`.${suffix}`)
}

/**
 * Reads `<name>.mesh`, `<base36 id>.mesh`, either behind `<service>.`, and `<skill>.cap.mesh`, in any case and with or
 * without the final dot. Undefined for a host that is not of the mesh.
 * @throws MeshError TARGET_INVALID
 */
export const parseHostName = (host: string, suffix = defaultSuffix): HostName | undefined => {
  if (!isMeshHost(host, suffix)) return undefined
  const given = withoutDot(host)
  if (given.length > longestHostName) return refuse(host, `it has more than ${longestHostName} characters`)
  if (given.length === suffix.length) return refuse(host, 'it names nobody')
  const typed = given.slice(0, -suffix.length - 1).split('.')
  const labels = typed.map((label) => label.toLowerCase())
  if (labels.includes('')) return refuse(host, 'a label is empty')
  if (labels.some((label) => label.length > longestLabel)) refuse(host, `a label has more than ${longestLabel} letters`)
  // Look-alike letters would let one agent pass for another; member names are plain ASCII.
  if (labels.some((label) => label.startsWith('xn--') || /[^\x21-\x7e]/.test(label)))
    return refuse(host, 'internationalised names are not used')
  try {
    if (labels.at(-1) === 'cap') return parseSkill(labels.slice(0, -1))
    return parseAgent(labels, typed)
  } catch (cause) {
    if (cause instanceof MeshError && cause.code === 'TARGET_INVALID') return refuse(host, cause.message, cause.hint)
    return refuse(host, cause instanceof Error ? cause.message.replace(/\.$/, '') : 'it does not parse')
  }
}

const parseSkill = (leafFirst: string[]): HostName => {
  if (leafFirst.length === 0) throw new MeshError('TARGET_INVALID', 'cap alone names no capability')
  const parts = leafFirst.toReversed()
  parseCapability(parts.join('/'))
  return { kind: 'skill', parts }
}

const parseAgent = (labels: string[], typed: string[]): HostName => {
  const who = labels.at(-1) ?? ''
  const asTyped = typed.at(-1) ?? ''
  if (labels.length > 2) throw new MeshError('TARGET_INVALID', 'before the agent stands at most one service')
  if (who.startsWith('12d3koow')) {
    throw new MeshError('TARGET_INVALID', 'a peer id in base58 does not survive in a host name, which has no case', {
      hint: looksLikePeerId(asTyped)
        ? `Write the same id in base36: ${toBase36(asTyped)}`
        : 'Write the peer id in base36: k51…'
    })
  }
  const service = labels.length === 2 ? { service: parseName(labels[0] ?? '', 'service') } : {}
  return looksLikePeerId(who)
    ? { kind: 'peer', peerId: who, ...service }
    : { kind: 'name', name: parseName(who), ...service }
}

/** A peer id as one DNS label, `k51…`. @throws MeshError TARGET_INVALID */
export const toBase36 = (peerId: string): string => {
  if (!looksLikePeerId(peerId)) throw new MeshError('TARGET_INVALID', `${quote(peerId)} is not a peer id.`)
  return peerId.startsWith('k')
    ? peerId
    : CID.createV1(libp2pKey, decode(base58btc.decode(`z${peerId}`))).toString(base36)
}

/** The host name that {@link parseHostName} reads back; a capability with all its parts. */
export const formatHostName = (target: Target, suffix = defaultSuffix): string => {
  if (target.kind === 'capability') return `${target.capability.split('/').toReversed().join('.')}.cap.${suffix}`
  const who = target.kind === 'peer' ? toBase36(target.peerId) : target.name
  return `${target.service === undefined ? '' : `${target.service}.`}${who}.${suffix}`
}

/**
 * Capability paths that the parts of a skill may mean: the path itself where it has several parts and is in use, otherwise
 * every path in use that ends in them.
 */
export const skillPaths = (parts: readonly string[], inUse: Iterable<string>): string[] => {
  const path = parts.join('/')
  const found = [...new Set(inUse)].filter((one) => one === path || one.endsWith(`/${path}`)).toSorted()
  return parts.length > 1 && found.includes(path) ? [path] : found
}

/** @throws MeshError CAPABILITY_AMBIGUOUS, naming all of them */
export const ambiguousSkill = (parts: readonly string[], paths: string[], suffix = defaultSuffix): MeshError => {
  const names = paths.map((capability) => formatHostName({ kind: 'capability', capability }, suffix))
  return new MeshError('CAPABILITY_AMBIGUOUS', `"${parts.join('/')}" may be any of ${paths.join(', ')}.`, {
    hint: `Write all its parts, leaf first: ${names.join(', ')}`,
    details: { capabilities: paths.slice(0, 16) }
  })
}
