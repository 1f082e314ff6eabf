import { formatTarget, limits, MeshError, toMeshError, type Metadata, type Target } from '@agent-mesh/wire'
import { withDeadline } from '../deadline.ts'
import type { Candidate, PathClass, PathEvents, PathResolver, StreamDialer } from '../interfaces.ts'
import type { Choice } from '../picker/pick.ts'
import { rankedMs, RecentCandidates } from '../picker/recent.ts'
import { keyOf, Turns } from '../picker/turns.ts'
import { keepFirstWords } from './first-words.ts'
import { openTunnel, type LaterBytes } from '../tunnel/open.ts'
import type { TunnelRegistry } from '../tunnel/registry.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'

export interface TargetOpenerInit {
  resolver: PathResolver
  dialer: StreamDialer
  /** Id of the tunnel protocol. */
  protocol: string
  registry: TunnelRegistry
  events?: PathEvents | undefined
  /** Shared by all that choose among the same candidates. */
  turns?: Turns | undefined
  /** Shared likewise; absent, the resolver is asked at each open. */
  recent?: RecentCandidates | undefined
}

export interface OpenTargetOptions {
  signal?: AbortSignal | undefined
  /** For all of it: looking up, dialling, every candidate; in milliseconds. */
  deadlineMs?: number | undefined
  /**
   * What is to be said first; asked at most once, and written by the time that the tunnel is given. It travels with the
   * open, see {@link openTunnel}, where nobody else could be asked: what has left cannot be said to another one.
   */
  early?: (() => Uint8Array | undefined) | undefined
  /** What comes after that and before the answer, see {@link openTunnel}; only where nobody else could be asked. */
  later?: LaterBytes | undefined
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

/**
 * Who may answer a target, in the order in which they are to be asked: the first by two choices, as it is for opens.
 * @param options.waiting - tunnels to a candidate (`<peer id>/<service>`) that are open and do no work
 * @param options.maxAgeMs - how long ago they may have been ranked; who of them is chosen is always as of now. Default: 0
 * @throws MeshError what the resolver throws
 */
export type ListCandidates = (
  target: Target,
  options: { signal: AbortSignal; waiting?: (key: string) => number; maxAgeMs?: number }
) => Promise<Candidate[]>

/** Looking up, dialling and opening once, each to its own limit; in milliseconds. */
export const standardDeadlineMs = limits.lookupTimeoutMs + limits.dialTimeoutMs + limits.tunnelOpenTimeoutMs

/**
 * Makes the function that reaches a target: resolve, choose among equals, then try the candidates in their order. A
 * candidate whose address another peer holds by now is resolved once more at the end.
 */
export const createTargetOpener = (given: TargetOpenerInit): OpenTarget => {
  const init: Opener = { ...given, turns: given.turns ?? new Turns() }
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
      (signal) => openAny(init, target, { ...options, ...keepFirstWords(options), signal })
    )
  }
}

interface Opener extends TargetOpenerInit {
  turns: Turns
}

const openAny = async (
  init: Opener,
  target: Target,
  options: OpenTargetOptions & { signal: AbortSignal }
): Promise<OpenedTarget> => {
  const tried = new Map<string, MeshError>()
  const held = init.recent?.held(target, rankedMs)
  if (held !== undefined) {
    const opened = await openOneOf(init, target, held, tried, options)
    if (opened !== undefined) return opened
  }
  for (const isLastRound of [false, true]) {
    const candidates = await resolve(init, target, options.signal)
    const opened = await openOneOf(init, target, candidates, tried, options)
    if (opened !== undefined) return opened
    const isStale = [...tried.values()].some((error) => error.code === 'STALE_ROUTE')
    if (isLastRound || !isStale) break
  }
  throw lastError(target, tried)
}

const resolve = async ({ recent, resolver }: Opener, target: Target, signal: AbortSignal): Promise<Candidate[]> =>
  recent === undefined ? resolver.resolve(target, { signal }) : recent.resolve(target, { signal, maxAgeMs: 0 })

/**
 * Tries candidates in turn, but for those that failed before.
 * @returns undefined where none could be opened; why is in `tried`
 * @throws MeshError of one that may have got what was said early, and where the caller gave up
 */
const openOneOf = async (
  init: Opener,
  target: Target,
  candidates: Candidate[],
  tried: Map<string, MeshError>,
  options: OpenTargetOptions & { signal: AbortSignal }
): Promise<OpenedTarget | undefined> => {
  const inTurn = init.turns.of(candidates, options.choice ?? { by: 'two-choices' }).filter((candidate) => {
    const before = tried.get(keyOf(candidate))
    return before === undefined || before.code === 'STALE_ROUTE'
  })
  for (const candidate of inTurn) {
    try {
      if (candidate === inTurn.at(-1)) return await openCandidate(init, target, candidate, options)
      return await openOneOfSeveral(init, target, candidate, options)
    } catch (err) {
      const error = toMeshError(err)
      tried.set(keyOf(candidate), error)
      options.signal.throwIfAborted()
      if (error.details['isMaybeDelivered'] === true) throw error
    }
  }
  return undefined
}

/** While there are others: within a part of the time, and with nothing said before it answered. */
const openOneOfSeveral = async (
  init: Opener,
  target: Target,
  candidate: Candidate,
  { early, ...options }: OpenTargetOptions & { signal: AbortSignal }
): Promise<OpenedTarget> => {
  const ms = limits.candidateOpenMs
  const opened = await withDeadline<OpenedTarget>(
    {
      ms,
      signal: options.signal,
      expired: () => new MeshError('TIMEOUT', `${keyOf(candidate)} could not be opened within ${ms} ms.`),
      onLate: ({ tunnel }) => {
        tunnel.destroy(new MeshError('CANCELLED', 'It was opened too late.'))
      }
    },
    (signal) => openCandidate(init, target, candidate, { ...options, later: undefined, signal })
  )
  const first = early?.()
  if (first !== undefined && first.length > 0) opened.tunnel.write(first)
  return opened
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
  const end = init.turns.inFlight.begin(keyOf(candidate))
  try {
    const { early, later, signal, traceParent } = options
    const { tunnel, path, metadata, rttMs } = await openTunnel({
      ...init,
      candidate,
      service,
      early,
      later,
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
