import { localNetworks, pathClassOf, type LocalNetworks, type PathClass } from './path-class.ts'
import { rank, type Ranked, type RankInput } from './rank.ts'
import type { PeerId } from '@libp2p/interface'
import type { Membership } from '@agent-mesh/identity'
import type { Admission } from '../admission/interface.ts'
import type { RunningDiscovery } from '../discovery/discovery.ts'
import type { VerifiedRecord } from '../discovery/interface.ts'
import type { HealthView } from '../health/interface.ts'
import type { PathMemory } from './path-memory.ts'

/** Where a target may be reached. */
export interface RouteCandidate {
  peerId: PeerId
  /** From a verified certificate; absent where none was seen yet. */
  name?: string
  record?: VerifiedRecord
  /** What the target named, or the service that was published for the capability. */
  service?: string
  /** Absent where no connection is open. */
  path?: PathClass
  /** Why it stands where it stands; one clause for people. */
  reason: string
  /** Those of one tier are as good as each other but for their load and weight; 0 is the best. */
  tier: number
  isUsable: boolean
  /** Nothing speaks against it, wherever it stands. */
  isGood: boolean
  /** How much of the work it wants beside the others. */
  weight: number
  /** Tunnels to services of its node, as the node itself said last, and which of its reports said so. */
  reported?: { tunnels: number; id: string }
  behindBy?: Ranked<RankInput>['behindBy']
  values: Ranked<RankInput>['values']
}

/** Somebody who may answer a target. */
export interface Found {
  peerId: PeerId
  service?: string
  /** The service that answers is known, or none was asked for. */
  isAnswered: boolean
}

export interface AssessorInit {
  discovery: Pick<RunningDiscovery, 'known'>
  admission: Pick<Admission, 'membership' | 'connections' | 'refusal'>
  self: PeerId
  ownName: () => string | undefined
  /** What was seen on the way to each peer. */
  paths?: Pick<PathMemory, 'get'> | undefined
  /** Who is alive. Without it, the health of everybody is unknown. */
  health?: Pick<HealthView, 'of'> | undefined
  /** What this node knows of whether it may use a service of another one; undefined where there is no policy. */
  mayUse?:
    | ((callee: Membership, service: string, capabilities: string[]) => { allowed: boolean; rule: string } | undefined)
    | undefined
  now: () => number
}

/** What was seen while a tunnel was opened counts for this long; then the agent is judged anew. */
const rttHoldsMs = 30_000

/** All of them, best first, those that are not usable included. */
export type Assess = (all: Found[]) => RouteCandidate[]

type Input = RankInput & { found: Found; record?: VerifiedRecord; name?: string; reported?: RouteCandidate['reported'] }

/** Gathers what is known of each and ranks them. */
export const createAssessor = (init: AssessorInit): Assess => {
  const { discovery, admission, self, ownName, paths, health, mayUse, now } = init

  const describe = (found: Found, networks: LocalNetworks): Input => {
    const { peerId, isAnswered, service } = found
    const record = discovery.known(peerId)
    const membership = record?.membership ?? admission.membership(peerId)
    const [connection] = admission.connections(peerId)
    const refusal = connection === undefined ? admission.refusal(peerId) : undefined
    const watched = health?.of(peerId)
    const { digest } = watched ?? {}
    const said = digest?.services.find(({ name }) => name === service)
    const seen = paths?.get(peerId, service) ?? {}
    const isFresh = seen.rttAtMs !== undefined && now() - seen.rttAtMs < rttHoldsMs
    const openMs = isFresh ? seen.rttMs : undefined
    const capabilities = record?.services.find(({ name }) => name === service)?.capabilities ?? []
    const policy =
      membership === undefined || service === undefined || peerId.equals(self)
        ? undefined
        : mayUse?.(membership, service, capabilities)
    return {
      found,
      peerId: peerId.toString(),
      isAnswered,
      isConnected: connection !== undefined,
      ...(record === undefined ? {} : { record, issuedMs: record.issuedMs }),
      ...(membership === undefined ? {} : { name: membership.name }),
      ...(refusal === undefined ? {} : { refusal }),
      ...(policy === undefined ? {} : { policy }),
      ...(watched === undefined ? {} : { health: watched }),
      ...(digest === undefined
        ? {}
        : {
            load: digest.load,
            reported: { tunnels: digest.load.tunnels, id: `${digest.incarnation}.${digest.sequence}` }
          }),
      ...(said === undefined ? {} : { service: said, weight: said.weight }),
      ...(connection === undefined ? {} : { path: pathClassOf(connection, networks) }),
      ...(watched?.rttMs === undefined ? {} : { rttMs: watched.rttMs }),
      ...(openMs === undefined ? {} : { openMs }),
      ...(seen.failure === undefined ? {} : { failure: seen.failure })
    }
  }

  return (all) => {
    const networks = localNetworks()
    return rank(
      all.map((found) => describe(found, networks)),
      now()
    ).map(({ candidate, reason, behindBy, ...standing }) => {
      const { found, record, path, name, weight = 1, reported } = candidate
      const isSelf = found.peerId.equals(self)
      const shown = isSelf ? ownName() : name
      return {
        peerId: found.peerId,
        ...(shown === undefined ? {} : { name: shown }),
        ...(record === undefined ? {} : { record }),
        ...(found.service === undefined ? {} : { service: found.service }),
        ...(path === undefined ? {} : { path }),
        reason: isSelf ? 'this node itself' : reason,
        weight,
        ...(reported === undefined ? {} : { reported }),
        ...(behindBy === undefined ? {} : { behindBy }),
        ...standing
      }
    })
  }
}
