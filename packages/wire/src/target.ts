import { parseCapability } from './capability.ts'
import { MeshError } from './errors.ts'
import { defaultSuffix, parseHostName } from './host-name.ts'
import { looksLikePeerId, parseName } from './name.ts'
import { quote } from './quote.ts'

/** What a person types to reach an agent, each with an optional `/service`. */
export type Target =
  | { kind: 'peer'; peerId: string; service?: string }
  | { kind: 'name'; name: string; service?: string }
  | { kind: 'capability'; capability: string; service?: string }

const withService = (text: string): { who: string; service?: string } => {
  const slash = text.indexOf('/')
  return slash === -1
    ? { who: text }
    : { who: text.slice(0, slash), service: parseName(text.slice(slash + 1), 'service') }
}

/** The target of a host name; the parts of a skill are taken for its whole path. */
const ofHost = (who: string, service: string | undefined, suffix: string): Target | undefined => {
  const host = parseHostName(who, suffix)
  if (host === undefined) return undefined
  if (service === undefined)
    return host.kind === 'skill' ? { kind: 'capability', capability: host.parts.join('/') } : host
  if (host.kind === 'skill' || host.service !== undefined)
    throw new MeshError('TARGET_INVALID', `${quote(who)} says by itself which service.`)
  return { ...host, service }
}

/**
 * Parses `<name>[/service]`, `<peer id>[/service]`, `cap:<path>` or a host name of the mesh, `web.alice.mesh`. A
 * capability has its service by itself: the one that was published for it.
 * @throws MeshError TARGET_INVALID
 */
export const parseTarget = (text: string, suffix = defaultSuffix): Target => {
  try {
    if (text.startsWith('cap:')) return { kind: 'capability', capability: parseCapability(text.slice(4)) }
    const { who, ...rest } = withService(text)
    if (looksLikePeerId(who)) return { kind: 'peer', peerId: who, ...rest }
    const host = who.includes('.') ? ofHost(who, rest.service, suffix) : undefined
    if (host !== undefined) return host
    return { kind: 'name', name: parseName(who), ...rest }
  } catch (cause) {
    const why = cause instanceof Error ? ` ${cause.message}` : ''
    throw new MeshError('TARGET_INVALID', `${quote(text, 200)} is not a target.${why}`, { cause })
  }
}

/** The text that {@link parseTarget} reads back. */
export const formatTarget = (target: Target): string => {
  const who = target.kind === 'peer' ? target.peerId : target.kind === 'name' ? target.name : `cap:${target.capability}`
  return target.service === undefined ? who : `${who}/${target.service}`
}
