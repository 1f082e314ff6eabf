import { strongest } from './strongest.ts'
import { peerIdFromCID, peerIdFromString } from '@libp2p/peer-id'
import { pipe } from 'it-pipe'
import { base36 } from 'multiformats/bases/base36'
import { CID } from 'multiformats/cid'
import { capabilityMatches, limits, MeshError, type Target } from '@agent-mesh/wire'
import { BoundedMap } from '../admission/bounded-map.ts'
import { abortedError, deadline } from '../discovery/deadline.ts'
import { untilQuiet } from '../discovery/parallel.ts'
import { didYouMean } from '../discovery/taxonomy.ts'
import { createAssessor, type Assess, type AssessorInit, type Found, type RouteCandidate } from './assessment.ts'
import type { PeerId } from '@libp2p/interface'
import type { Membership } from '@agent-mesh/identity'
import type { Admission } from '../admission/interface.ts'
import type { RunningDiscovery } from '../discovery/discovery.ts'
import type { VerifiedRecord } from '../discovery/interface.ts'

export interface Resolver {
  /**
   * Candidates, best first, at least one. Of a capability only those that are usable: a dead agent, or one that has
   * left, is named only where the target itself names it.
   * @param options.includeSelf - names this node too where it offers the capability
   * @throws MeshError PEER_UNKNOWN, REVOKED, NAME_UNKNOWN, NAME_CONFLICT, NOT_FOUND, TARGET_INVALID, TIMEOUT, CANCELLED
   */
  resolve: (
    target: Target,
    options: { signal: AbortSignal; includeSelf?: boolean; limit?: number }
  ) => Promise<RouteCandidate[]>
  /** All of them, best first, those included that {@link Resolver.resolve} leaves out. */
  rank: Assess
}

export interface ResolverInit extends Pick<AssessorInit, 'health' | 'mayUse' | 'paths'> {
  discovery: Pick<
    RunningDiscovery,
    'find' | 'findName' | 'record' | 'known' | 'knownNamed' | 'knownOffering' | 'suggest'
  >
  admission: Pick<Admission, 'members' | 'membership' | 'remembered' | 'connections' | 'refusal'>
  self: PeerId
  /** This node's own name. */
  name?: () => string
  /** Addresses of a peer are known from elsewhere: remembered, or in the peer store. */
  hasAddresses?: (peer: PeerId) => Promise<boolean>
  now?: () => number
}

/** After a first agent of a capability, others are waited for this long each. */
const gatherMs = 500
/** How long after a lookup of a capability the records that are at hand answer for it, */
const lookupHoldsMs = 30_000
/** and from when on it is looked up again beside that. */
const lookupRefreshMs = 2_000
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

const named = (peerId: PeerId, service: string | undefined): Found => ({
  peerId,
  isAnswered: true,
  ...(service === undefined ? {} : { service })
})

const byRoot = (memberships: Membership[]): boolean => memberships.some(({ isIssuedByRoot }) => isIssuedByRoot)

/** Which service of an agent answers a capability, by its record. */
export const answererOf = (record: VerifiedRecord, capability: string): Found => {
  const service = record.services.find((one) =>
    one.capabilities.some((offered) => capabilityMatches(offered, capability))
  )?.name
  return { ...named(record.peerId, service), isAnswered: service !== undefined }
}

const nobodyUsable = (capability: string, found: RouteCandidate[]): MeshError =>
  new MeshError('NOT_FOUND', `None of ${found.length} agents that offer ${capability} can be used.`, {
    hint: `mesh-node find ${capability} --explain`,
    details: {
      agents: found.slice(0, 16).map(({ name, peerId, reason }) => `${name ?? peerId.toString()}: ${reason}`)
    }
  })

export const createResolver = ({
  discovery,
  admission,
  self,
  name,
  paths,
  health,
  mayUse,
  hasAddresses = async () => false,
  now = Date.now
}: ResolverInit): Resolver => {
  /** When each capability was looked up last. */
  const lookedUpMs = new BoundedMap<string, number>(limits.membersRemembered)
  const lookedAtMs = new BoundedMap<string, number>(limits.membersRemembered)

  const ownName = (): string | undefined => name?.() ?? discovery.known(self)?.membership.name

  const ranked = createAssessor({ discovery, admission, self, ownName, paths, health, mayUse, now })

  const byPeer = async (text: string, service: string | undefined, signal: AbortSignal): Promise<RouteCandidate[]> => {
    const peer = parsePeerId(text)
    const isNear = peer.equals(self) || admission.connections(peer).length > 0
    if (!isNear) {
      const refusal = admission.refusal(peer)
      if (refusal?.code === 'REVOKED') throw refusal
      const known = discovery.known(peer)
      // who has left may be back, and its holders know first
      const record = known === undefined || known.isWithdrawn ? await discovery.record(peer, { signal }) : known
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

  /**
   * Who held a name when it was here last, and may still: a connection that was cut a moment ago takes nobody's name away,
   * though no record of its holder has come yet.
   */
  const formerly = (wanted: string): Membership[] =>
    admission
      .remembered()
      .filter(({ name: held, notAfterMs }) => held === wanted && notAfterMs + limits.clockToleranceMs > now())
      .filter(({ peerId }) => admission.refusal(peerId)?.code !== 'REVOKED')
      .filter(({ peerId }) => discovery.known(peerId)?.isWithdrawn !== true)

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
    const former = here.length > 0 ? [] : formerly(wanted)
    const isSettled = byRoot(here) || (former.length === 1 && byRoot(former))
    if (isSettled) lookForOthers(wanted)
    const elsewhere = (isSettled ? discovery.knownNamed(wanted) : await discovery.findName(wanted, { signal })).map(
      (record) => record.membership
    )
    const holding = [...here, ...elsewhere]
    const holders = new Map(
      strongest(holding.length > 0 ? holding : former).map(({ peerId }) => [peerId.toString(), peerId])
    )
    const [first, ...others] = holders.values()
    if (first === undefined) throw new MeshError('NAME_UNKNOWN', `No member named "${wanted}" is known.`)
    if (others.length > 0) {
      throw new MeshError('NAME_CONFLICT', `${holders.size} members hold a certificate for "${wanted}".`, {
        details: { peers: [...holders.keys()].slice(0, 8) }
      })
    }
    return ranked([named(first, service)])
  }

  const lookUp = async (capability: string, signal: AbortSignal, limit: number): Promise<Found[]> => {
    const done = new AbortController()
    const found: Found[] = []
    try {
      const until = deadline(limits.lookupTimeoutMs, signal, done.signal)
      for await (const record of pipe(
        discovery.find(capability, { signal: until, limit }),
        untilQuiet<VerifiedRecord>(gatherMs)
      ))
        found.push(answererOf(record, capability))
    } finally {
      done.abort()
    }
    lookedUpMs.set(capability, now())
    return found
  }

  /** For later: the records that are found are at hand by the next time. */
  const lookUpAgain = (capability: string): void => {
    lookedUpMs.set(capability, now())
    lookUp(capability, AbortSignal.timeout(limits.lookupTimeoutMs), limits.candidatesPerLookup).catch(() => undefined)
  }

  /**
   * What is at hand serves for a while after a lookup, so that a caller of many requests neither waits for the network
   * at each nor asks it at each.
   */
  const atHand = (capability: string): RouteCandidate[] => {
    const ageMs = now() - (lookedUpMs.get(capability) ?? -Infinity)
    if (ageMs > lookupHoldsMs) return []
    if (ageMs > lookupRefreshMs) lookUpAgain(capability)
    return usable(discovery.knownOffering(capability).map((record) => answererOf(record, capability)))
  }

  const usable = (found: Found[]): RouteCandidate[] => ranked(found).filter((one) => one.isUsable)

  const byCapability = async (
    capability: string,
    options: { signal: AbortSignal; includeSelf?: boolean; limit?: number }
  ): Promise<RouteCandidate[]> => {
    const { signal, includeSelf = false, limit = limits.candidatesPerLookup } = options
    const wanted = (one: { peerId: PeerId }): boolean => includeSelf || !one.peerId.equals(self)
    const known = atHand(capability).filter(wanted)
    if (known.some((one) => one.isGood)) return known.slice(0, limit)
    const found = (await lookUp(capability, signal, limit)).filter(wanted)
    const candidates = usable(found)
    if (candidates.length > 0) return candidates
    if (signal.aborted) throw abortedError(signal, `The search for ${capability}`)
    if (found.length > 0) throw nobodyUsable(capability, ranked(found))
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
    },
    rank: ranked
  }
}
