import {
  ambiguousSkill,
  chooseService,
  formatTarget,
  isMeshHost,
  limits,
  MeshError,
  parseHostName,
  quote,
  skillPaths,
  type ListedService,
  type Target
} from '@agent-mesh/wire'
import { isOutsideAllowed, type OutsidePattern } from './outside.ts'

/** What the node knows of names; filled in from the control plane. */
export interface NameBook {
  /** Capability paths in use, as far as this node knows. */
  pathsInUse: () => Iterable<string>
  /** Asks others for paths near to one that is not known. */
  learn: (capability: string, options: { signal: AbortSignal }) => Promise<unknown>
  /**
   * The services that the record of an agent lists.
   * @throws MeshError NAME_UNKNOWN, PEER_UNKNOWN, NOT_FOUND, NAME_CONFLICT, TIMEOUT
   */
  servicesOf: (agent: Target, options: { signal: AbortSignal }) => Promise<readonly ListedService[]>
}

/** Where a client of a proxy wants to go. */
export type Destination = { kind: 'mesh'; target: Target } | { kind: 'outside'; host: string; port: number }

interface Asked {
  host: string
  port?: number | undefined
  /** Where the request says by itself what kind of service it is for. */
  serviceKind?: string | undefined
  signal: AbortSignal
}

/**
 * @throws MeshError TARGET_INVALID, CAPABILITY_AMBIGUOUS, NAME_OUTSIDE, ADDRESS_PROHIBITED, and what the book throws
 */
export type FindDestination = (asked: Asked) => Promise<Destination>

export interface DestinationFinderInit {
  book: NameBook
  suffix: string
  /** Names outside the mesh that are let through. */
  outside?: readonly OutsidePattern[] | undefined
  /** Monotonic milliseconds. */
  now?: () => number
}

const remembered = 256

/** Text of a destination, for messages and as a key of what is kept for it. */
export const formatDestination = (one: Destination): string =>
  one.kind === 'mesh' ? formatTarget(one.target) : `${one.host}:${one.port}`

/** Makes the function that says what a host and a port mean. What was found is taken for granted for a second. */
export const createDestinationFinder = ({
  book,
  suffix,
  outside = [],
  now = () => performance.now()
}: DestinationFinderInit): FindDestination => {
  const known = new Map<string, { target: Target; untilMs: number }>()
  return async (asked) => {
    const { host, port, serviceKind } = asked
    if (!isMeshHost(host, suffix)) return toOutside(asked, outside, suffix)
    const key = `${host.toLowerCase()} ${port ?? ''} ${serviceKind ?? ''}`
    const before = known.get(key)
    if (before !== undefined && before.untilMs > now()) return { kind: 'mesh', target: before.target }
    known.delete(key)
    const target = await toTarget(asked, book, suffix)
    if (known.size >= remembered) known.clear()
    known.set(key, { target, untilMs: now() + limits.proxyNameMs })
    return { kind: 'mesh', target }
  }
}

const toOutside = ({ host, port }: Asked, patterns: readonly OutsidePattern[], suffix: string): Destination => {
  if (port !== undefined && isOutsideAllowed(host, port, patterns)) return { kind: 'outside', host, port }
  throw new MeshError('NAME_OUTSIDE', `${quote(host, 253)} is not a name of the mesh.`, {
    hint: `Names of the mesh end in .${suffix}; mesh-node proxy --allow-outside <pattern> lets others through.`
  })
}

const toTarget = async (
  { host, port, serviceKind, signal }: Asked,
  book: NameBook,
  suffix: string
): Promise<Target> => {
  const name = parseHostName(host, suffix)
  if (name === undefined) throw new MeshError('NAME_OUTSIDE', `${quote(host, 253)} is not a name of the mesh.`)
  if (name.kind === 'skill') return toCapability(name.parts, book, suffix, signal)
  if (name.service !== undefined) return name
  const services = await book.servicesOf(name, { signal })
  const who = name.kind === 'name' ? name.name : name.peerId
  return { ...name, service: chooseService(services, { who, port, kind: serviceKind, suffix }) }
}

/** A skill that nobody is known to have is looked for by its parts: the lookup knows what resembles them. */
const toCapability = async (
  parts: readonly string[],
  book: NameBook,
  suffix: string,
  signal: AbortSignal
): Promise<Target> => {
  const whole = parts.join('/')
  let paths = skillPaths(parts, book.pathsInUse())
  if (paths.length === 0) {
    await book.learn(whole, { signal }).catch(() => undefined)
    paths = skillPaths(parts, book.pathsInUse())
  }
  if (paths.length > 1) throw ambiguousSkill(parts, paths, suffix)
  return { kind: 'capability', capability: paths[0] ?? whole }
}
