import { peerIdFromCID, peerIdFromString } from '@libp2p/peer-id'
import { pipe } from 'it-pipe'
import { base36 } from 'multiformats/bases/base36'
import { CID } from 'multiformats/cid'
import { capabilityMatches, limits, MeshError, type Target } from '@agent-mesh/wire'
import { BoundedMap } from '../admission/bounded-map.ts'
import { abortedError, deadline } from '../discovery/deadline.ts'
import { untilQuiet } from '../discovery/parallel.ts'
import { didYouMean } from '../discovery/taxonomy.ts'
import { pathClassOf, readLocalNetworks, type LocalNetworks, type PathClass } from './path-class.ts'
import { rank, type RankInput } from './rank.ts'
import type { PeerId } from '@libp2p/interface'
import type { Membership } from '@agent-mesh/identity'
import type { Admission } from '../admission/interface.ts'
import type { RunningDiscovery } from '../discovery/discovery.ts'
import type { VerifiedRecord } from '../discovery/interface.ts'
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
}

export interface Resolver {
  /**
   * Candidates, best first, at least one.
   * @param options.includeSelf - names this node too where it offers the capability
   * @throws MeshError PEER_UNKNOWN, REVOKED, NAME_UNKNOWN, NAME_CONFLICT, NOT_FOUND, TARGET_INVALID, TIMEOUT, CANCELLED
   */
  resolve: (
    target: Target,
    options: { signal: AbortSignal; includeSelf?: boolean; limit?: number }
  ) => Promise<RouteCandidate[]>
}

export interface ResolverInit {
  discovery: Pick<RunningDiscovery, 'find' | 'findName' | 'record' | 'known' | 'knownNamed' | 'suggest'>
  admission: Pick<Admission, 'members' | 'membership' | 'connections' | 'refusal'>
  self: PeerId
  /** This node's own name. */
  name?: () => string
  /** What was seen on the way to each peer. */
  paths?: Pick<PathMemory, 'get'>
  /** Addresses of a peer are known from elsewhere: remembered, or in the peer store. */
  hasAddresses?: (peer: PeerId) => Promise<boolean>
  now?: () => number
}

/** After a first agent of a capability, others are waited for this long each. */
const gatherMs = 500
/** A name that is in use is looked up for a second holder this often. */
const nameCheckMs = 60_000

/** Reads both written forms of a peer id. @throws MeshError TARGET_INVALID */
export const parsePeerId = (text: string): PeerId => {
  try {
    return text.startsWith('k') ? peerIdFromCID(CID.parse(text, base36)) : peerIdFromString(text)
  } catch (cause) {
    throw new MeshError('TARGET_INVALID', `"${text.slice(0, 100)}" is not a peer id.`, { cause })
  }
}

interface Found {
  peerId: PeerId
  service?: string
  isAnswered: boolean
}

/** Those of the strongest kind: a name from the root beats one from a delegate, whoever is connected. */
const strongest = (holders: Membership[]): Membership[] => {
  const rooted = holders.filter((holder) => holder.isIssuedByRoot)
  return rooted.length > 0 ? rooted : holders
}

const named = (peerId: PeerId, service: string | undefined): Found => ({
  peerId,
  isAnswered: true,
  ...(service === undefined ? {} : { service })
})

export const createResolver = ({
  discovery,
  admission,
  self,
  name,
  paths,
  hasAddresses = async () => false,
  now = Date.now
}: ResolverInit): Resolver => {
  const describe = (found: Found, networks: LocalNetworks): RankInput & { found: Found; record?: VerifiedRecord } => {
    const { peerId, isAnswered } = found
    const record = discovery.known(peerId)
    const [connection] = admission.connections(peerId)
    const { rttMs, failure } = paths?.get(peerId) ?? {}
    return {
      found,
      peerId: peerId.toString(),
      isAnswered,
      isConnected: connection !== undefined,
      ...(record === undefined ? {} : { record, issuedMs: record.issuedMs }),
      ...(connection === undefined ? {} : { path: pathClassOf(connection, networks) }),
      ...(rttMs === undefined ? {} : { rttMs }),
      ...(failure === undefined ? {} : { failure })
    }
  }

  const lookedAtMs = new BoundedMap<string, number>(limits.membersRemembered)

  const ownName = (): string | undefined => name?.() ?? discovery.known(self)?.membership.name

  const ranked = (all: Found[]): RouteCandidate[] => {
    const networks = readLocalNetworks()
    return rank(
      all.map((found) => describe(found, networks)),
      now()
    ).map(({ candidate: { found, record, path }, reason }) => {
      const isSelf = found.peerId.equals(self)
      const shown = isSelf ? ownName() : (record?.membership.name ?? admission.membership(found.peerId)?.name)
      return {
        peerId: found.peerId,
        ...(shown === undefined ? {} : { name: shown }),
        ...(record === undefined ? {} : { record }),
        ...(found.service === undefined ? {} : { service: found.service }),
        ...(path === undefined ? {} : { path }),
        reason: isSelf ? 'this node itself' : reason
      }
    })
  }

  const byPeer = async (text: string, service: string | undefined, signal: AbortSignal): Promise<RouteCandidate[]> => {
    const peer = parsePeerId(text)
    const isNear = peer.equals(self) || admission.connections(peer).length > 0
    if (!isNear) {
      const refusal = admission.refusal(peer)
      if (refusal?.code === 'REVOKED') throw refusal
      const record = discovery.known(peer) ?? (await discovery.record(peer, { signal }))
      if (record?.isWithdrawn === true) throw new MeshError('PEER_UNKNOWN', `${text} has left the network.`)
      if (record === undefined && !(await hasAddresses(peer))) {
        throw new MeshError('PEER_UNKNOWN', `No address and no record of ${text} is known.`)
      }
    }
    return ranked([named(peer, service)])
  }

  /**
   * A connected member with a name from the root is not kept waiting for the network. Whether an issuer erred is asked
   * beside it: a second holder is among the records at hand by the next time.
   */
  const lookForOthers = (wanted: string): void => {
    const nowMs = now()
    if ((lookedAtMs.get(wanted) ?? -Infinity) + nameCheckMs > nowMs) return
    lookedAtMs.set(wanted, nowMs)
    discovery.findName(wanted, { signal: AbortSignal.timeout(limits.lookupTimeoutMs) }).catch(() => undefined)
  }

  const byName = async (
    wanted: string,
    service: string | undefined,
    signal: AbortSignal
  ): Promise<RouteCandidate[]> => {
    if (wanted === ownName()) return ranked([named(self, service)])
    const here = admission
      .members()
      .map((peer) => admission.membership(peer))
      .filter((membership) => membership?.name === wanted)
      .filter((membership) => membership !== undefined)
    const isSettled = here.some((membership) => membership.isIssuedByRoot)
    if (isSettled) lookForOthers(wanted)
    const elsewhere = (isSettled ? discovery.knownNamed(wanted) : await discovery.findName(wanted, { signal })).map(
      (record) => record.membership
    )
    const holders = new Map(strongest([...here, ...elsewhere]).map(({ peerId }) => [peerId.toString(), peerId]))
    const [first, ...others] = holders.values()
    if (first === undefined) throw new MeshError('NAME_UNKNOWN', `No member named "${wanted}" is known.`)
    if (others.length > 0) {
      throw new MeshError('NAME_CONFLICT', `${holders.size} members hold a certificate for "${wanted}".`, {
        details: { peers: [...holders.keys()].slice(0, 8) }
      })
    }
    return ranked([named(first, service)])
  }

  const byCapability = async (
    capability: string,
    options: { signal: AbortSignal; includeSelf?: boolean; limit?: number }
  ): Promise<RouteCandidate[]> => {
    const { signal, includeSelf = false, limit = limits.candidatesPerLookup } = options
    const done = new AbortController()
    const found: Found[] = []
    try {
      const until = deadline(limits.lookupTimeoutMs, signal, done.signal)
      for await (const record of pipe(
        discovery.find(capability, { signal: until, limit }),
        untilQuiet<VerifiedRecord>(gatherMs)
      )) {
        if (!includeSelf && record.peerId.equals(self)) continue
        const service = record.services.find((one) =>
          one.capabilities.some((offered) => capabilityMatches(offered, capability))
        )?.name
        found.push({
          peerId: record.peerId,
          isAnswered: service !== undefined,
          ...(service === undefined ? {} : { service })
        })
      }
    } finally {
      done.abort()
    }
    if (found.length > 0) return ranked(found)
    if (signal.aborted) throw abortedError(signal, `The search for ${capability}`)
    const suggestions = await discovery.suggest(capability, { signal })
    const hint = didYouMean(suggestions)
    throw new MeshError('NOT_FOUND', `No ${includeSelf ? '' : 'other '}agent offers ${capability}.`, {
      ...(hint === undefined ? {} : { hint }),
      details: { suggestions }
    })
  }

  return {
    resolve: async (target, options) => {
      if (target.kind === 'peer') return byPeer(target.peerId, target.service, options.signal)
      if (target.kind === 'name') return byName(target.name, target.service, options.signal)
      return byCapability(target.capability, options)
    }
  }
}
