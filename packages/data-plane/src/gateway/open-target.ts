import { formatTarget, limits, MeshError, toMeshError, type Metadata, type Target } from '@agent-mesh/wire'
import { withDeadline } from '../deadline.ts'
import type { Candidate, PathClass, PathEvents, PathResolver, StreamDialer } from '../interfaces.ts'
import { InFlight } from '../picker/in-flight.ts'
import { pick, type Choice } from '../picker/pick.ts'
import { openTunnel } from '../tunnel/open.ts'
import type { TunnelRegistry } from '../tunnel/registry.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'

export interface TargetOpenerInit {
  resolver: PathResolver
  dialer: StreamDialer
  /** Id of the tunnel protocol. */
  protocol: string
  registry: TunnelRegistry
  events?: PathEvents | undefined
  /** At least 0, below 1; for the choice among equals. */
  random?: (() => number) | undefined
}

export interface OpenTargetOptions {
  signal?: AbortSignal | undefined
  /** For all of it: looking up, dialling, every candidate; in milliseconds. */
  deadlineMs?: number | undefined
  /** Bytes that may travel with the open, see {@link openTunnel}. Asked at most once. */
  early?: (() => Uint8Array | undefined) | undefined
  metadata?: Metadata[] | undefined
  traceParent?: string | undefined
  /** How one of several equal agents is chosen. Default: two choices. */
  choice?: Choice | undefined
}

export interface OpenedTarget {
  tunnel: Tunnel
  candidate: Candidate
  service: string
  path: PathClass
  metadata: Metadata[]
}

export type OpenTarget = (target: Target, options?: OpenTargetOptions) => Promise<OpenedTarget>

/** Looking up, dialling and opening once, each to its own limit. */
const standardDeadlineMs = limits.lookupTimeoutMs + limits.dialTimeoutMs + limits.tunnelOpenTimeoutMs

/**
 * Makes the function that reaches a target: resolve, choose among equals, then try the candidates in their order. A
 * candidate whose address another peer holds by now is resolved once more at the end.
 */
export const createTargetOpener = (given: TargetOpenerInit): OpenTarget => {
  const init: Opener = { ...given, inFlight: new InFlight(), random: given.random ?? Math.random }
  return async (target, options = {}) => {
    const ms = options.deadlineMs ?? standardDeadlineMs
    return withDeadline(
      {
        ms,
        signal: options.signal,
        expired: () => new MeshError('TIMEOUT', `${formatTarget(target)} could not be reached within ${ms} ms.`),
        onLate: ({ tunnel }) => {
          tunnel.destroy(new MeshError('CANCELLED', 'The caller gave up.'))
        }
      },
      (signal) => openAny(init, target, { ...options, early: once(options.early), signal })
    )
  }
}

interface Opener extends TargetOpenerInit {
  inFlight: InFlight
  random: () => number
}

const keyOf = ({ peerId, service = '' }: Candidate): string => `${peerId.toString()}/${service}`

/** Candidates that are remembered though nothing is open to them. */
const mostRemembered = 1_024

/** The candidates in the order in which they are tried. */
const inTurn = ({ inFlight, random }: Opener, candidates: Candidate[], choice: Choice): Candidate[] => {
  if (candidates.length < 2) return candidates
  const pickables = candidates.map((candidate, index) => {
    const { tier = index, isGood = true, weight = 1, reported } = candidate
    const key = keyOf(candidate)
    return { key, tier, isGood, weight, busy: inFlight.busy(key, reported), candidate }
  })
  if (inFlight.size > mostRemembered) inFlight.keep(new Set(pickables.map(({ key }) => key)))
  return pick(pickables, choice, random).map(({ candidate }) => candidate)
}

const openAny = async (
  init: Opener,
  target: Target,
  options: OpenTargetOptions & { signal: AbortSignal }
): Promise<OpenedTarget> => {
  const tried = new Map<string, MeshError>()
  for (const isLastRound of [false, true]) {
    const candidates = await init.resolver.resolve(target, { signal: options.signal })
    for (const candidate of inTurn(init, candidates, options.choice ?? { by: 'two-choices' })) {
      const key = keyOf(candidate)
      const before = tried.get(key)
      if (before !== undefined && before.code !== 'STALE_ROUTE') continue
      try {
        return await openCandidate(init, target, candidate, options)
      } catch (err) {
        const error = toMeshError(err)
        tried.set(key, error)
        options.signal.throwIfAborted()
        if (error.details['isMaybeDelivered'] === true) throw error
      }
    }
    const isStale = [...tried.values()].some((error) => error.code === 'STALE_ROUTE')
    if (isLastRound || !isStale) break
  }
  throw lastError(target, tried)
}

const openCandidate = async (
  init: Opener,
  target: Target,
  candidate: Candidate,
  options: OpenTargetOptions
): Promise<OpenedTarget> => {
  const { service, peerId } = candidate
  if (service === undefined) {
    throw new MeshError('TARGET_INVALID', `"${formatTarget(target)}" does not say which service.`, {
      hint: 'Write <name>/<service>; mesh-node find lists the services.'
    })
  }
  const end = init.inFlight.begin(keyOf(candidate))
  try {
    const { early, signal, traceParent } = options
    const { tunnel, path, metadata, rttMs } = await openTunnel({
      ...init,
      candidate,
      service,
      early,
      signal,
      traceParent,
      metadata: options.metadata
    })
    if (tunnel.closed) end()
    else tunnel.once('close', end)
    init.events?.onPathOk?.(peerId, path, rttMs, service)
    return { tunnel, candidate, service, path, metadata }
  } catch (err) {
    end()
    const error = toMeshError(err)
    if (error.layer === 'path' || error.code === 'TIMEOUT') init.events?.onPathFailed?.(peerId, error.code)
    if (error.layer === 'upstream') init.events?.onServiceFailed?.(peerId, service, error.code)
    throw error
  }
}

/** The error of the only candidate as it is; of several the last one, with what each of them said. */
const lastError = (target: Target, tried: ReadonlyMap<string, MeshError>): MeshError => {
  const last = [...tried.values()].at(-1)
  if (last === undefined) return new MeshError('NOT_FOUND', `Nobody offers ${formatTarget(target)}.`)
  if (tried.size === 1) return last
  return new MeshError(
    last.code,
    `None of ${tried.size} candidates for ${formatTarget(target)} could be opened; the last one: ${last.message}`,
    {
      cause: last,
      hint: last.hint,
      details: { tried: [...tried].slice(0, 16).map(([key, error]) => `${key}: ${error.code}`) }
    }
  )
}

const once = (take: (() => Uint8Array | undefined) | undefined): (() => Uint8Array | undefined) | undefined => {
  if (take === undefined) return undefined
  let bytes: Uint8Array | undefined
  return () => (bytes ??= take())
}
