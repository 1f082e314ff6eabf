import { parseCapability } from './capability.ts'
import { MeshError } from './errors.ts'
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

/**
 * Parses `<name>[/service]`, `<peer id>[/service]` or `cap:<path>`. A capability has its service by itself: the one
 * that was published for it.
 * @throws MeshError TARGET_INVALID
 */
export const parseTarget = (text: string): Target => {
  try {
    if (text.startsWith('cap:')) return { kind: 'capability', capability: parseCapability(text.slice(4)) }
    const { who, ...rest } = withService(text)
    if (looksLikePeerId(who)) return { kind: 'peer', peerId: who, ...rest }
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
