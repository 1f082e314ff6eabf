import { peerIdFromString } from '@libp2p/peer-id'
import { createHealth, deadline } from '@agent-mesh/control-plane'
import { limits, protocols } from '@agent-mesh/wire'
import type { Admission, Dialler, Discovery, HealthView, PeerHealth, RunningHealth } from '@agent-mesh/control-plane'
import type { HealthCounts, PeerHealthDocument } from '@agent-mesh/wire/api'
import type { PeerId } from '@libp2p/interface'
import { detectorSettings } from '../config/health.ts'
import type { WhyPorts } from '../why/layer.ts'
import type { AssembleInit } from './assemble.ts'
import type { SelfWatch } from './self-health.ts'
import type { NodeWatch } from './underlay-watch.ts'

interface HealthRooms {
  dialler: Pick<Dialler, 'connect'>
  discovery: Pick<Discovery, 'record'>
  about: Pick<SelfWatch, 'load' | 'services' | 'checks'>
  watch: Pick<NodeWatch, 'figures'>
}

/** Health in a running node: who is alive, and what the log, the local API and `why` are told of it. */
export interface NodeHealth {
  view: HealthView
  start: () => Promise<void>
  /** Tells everybody that this node leaves. */
  leave: () => Promise<void>
  stop: () => void
  /** What this node says of itself has changed. */
  refresh: () => void
  /** What `why` asks. */
  verdict: NonNullable<WhyPorts['health']>
  counts: () => HealthCounts
}

/** Longest goodbye of a stopping node. */
const leaveTimeoutMs = 1_000

export const createNodeHealth = (
  { credentials, config, host, revocations, events }: AssembleInit,
  { dialler, discovery, about, watch }: HealthRooms
): NodeHealth => {
  const { networkId, networkKey, key, membership } = credentials
  const { admission, members, pubsub } = host.services
  const lookUps = new LookUps(discovery)
  const isCostly = (peer: string): boolean => {
    const open = admission.connections(peerIdFromString(peer))
    return open.length > 0 && open.every((one) => one.limits !== undefined)
  }
  const health = createHealth({
    networkId,
    networkKey,
    self: membership.peerId,
    key,
    admission,
    pubsub,
    about,
    settings: { ...detectorSettings(config.health), isCostly },
    // a probe asks whether it is where it was; each failed one would ask the whole DHT where it is now
    connect: async (peer, options) => dialler.connect(peer, { ...options, isSought: false }),
    lossOf: (peer) => {
      const { out, in: back } = watch.figures(peer) ?? {}
      return {
        ...(out === undefined ? {} : { loss: out.share }),
        ...(back === undefined ? {} : { lossIn: back.share })
      }
    },
    onUnknown: (peer) => lookUps.want(peer),
    onZombie: (peer, zombie) => events.emit('warn', 'health:zombie', { peer, ...zombie }),
    onStreamFailed: (peer, code) => events.emit('debug', 'health:stream-failed', { peer, code }),
    onRefused: (peer, code) => events.emit('warn', 'health:refused', { peer, code }),
    onRefuted: (incarnation, accusers) =>
      events.emit('warn', 'health:refuted', { incarnation, accusers: accusers.length })
  })
  const tell: Parameters<HealthView['onChange']>[0] = ({ peerId, state, reason }, before) => {
    const name = admission.membership(peerIdFromString(peerId))?.name ?? ''
    events.emit('info', 'health:changed', { peer: peerId, name, state, before: before ?? 'unknown', reason })
  }
  const stops: Array<() => void> = []
  return {
    view: health,
    start: async () => {
      await members.handle(protocols(networkId).health, health.handler, health.handlerOptions)
      stops.push(
        health.onChange(tell),
        revocations.onChange(() => forgetRevoked(health, admission)),
        about.checks.onChange(() => health.refresh())
      )
      health.start()
    },
    leave: async () => {
      await Promise.race([health.leave(), lapse(leaveTimeoutMs)])
    },
    stop: () => {
      for (const stop of stops.splice(0)) stop()
      health.stop()
    },
    refresh: () => health.refresh(),
    // who was refused hears nothing more of the others: that they refuse is the reason, and another layer has it
    verdict: (peer) => (admission.refusal(peer) === undefined ? verdictOf(health.of(peer), Date.now()) : undefined),
    counts: () => {
      const counts = { alive: 0, suspect: 0, unreachable: 0, dead: 0, left: 0 }
      for (const { state } of health.all()) counts[state]++
      return counts
    }
  }
}

const lapse = async (ms: number): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, ms).unref()
  await promise
}

/** The view hides them by itself; what was held of them goes, too. */
const forgetRevoked = (health: RunningHealth, admission: Admission): void => {
  for (const peer of health.held()) if (!admission.knows(peer)) health.forget(peer)
}

const verdictOf = (peer: PeerHealth | undefined, nowMs: number): ReturnType<NodeHealth['verdict']> => {
  if (peer === undefined) return undefined
  const { state, sinceMs, reason, rttMs, stalls } = peer
  const age = `${Math.max(0, Math.round((nowMs - sinceMs) / 1_000))} s`
  const way = rttMs === undefined ? '' : `, ${rttMs.toFixed(1)} ms away`
  const stood = stalls === undefined || stalls === 0 ? '' : `, ${stalls} of the last 64 probes unanswered`
  const text = `${state} for ${age}: ${reason}${way}${stood}`
  if (state === 'dead' || state === 'left') return { isUsable: false, text }
  return state === 'unreachable' ? { text } : { isUsable: true, text }
}

/** What the local API says of the health of a member. */
export const healthDocument = (peer: PeerHealth): PeerHealthDocument => {
  const {
    state,
    sinceMs,
    reason,
    rttMs,
    jitterMs,
    stalls,
    stalledMs,
    loss,
    lossIn,
    isAsymmetric = false,
    digest
  } = peer
  return {
    state,
    sinceMs,
    reason,
    isAsymmetric,
    ...(rttMs === undefined ? {} : { rttMs }),
    ...(jitterMs === undefined ? {} : { jitterMs }),
    ...(stalls === undefined ? {} : { stalls }),
    ...(stalledMs === undefined ? {} : { stalledMs }),
    ...(loss === undefined ? {} : { loss }),
    ...(lossIn === undefined ? {} : { lossIn }),
    ...(digest === undefined ? {} : { digestMs: digest.timeMs, load: digest.load, services: digest.services })
  }
}

const again = 30_000
const atOnce = 4

/** Finds the certificates of members who are heard of and not known: the record of each carries its own. */
class LookUps {
  readonly #discovery: Pick<Discovery, 'record'>
  readonly #lastMs = new Map<string, number>()
  #running = 0

  constructor(discovery: Pick<Discovery, 'record'>) {
    this.#discovery = discovery
  }

  want(peer: PeerId): void {
    const id = peer.toString()
    const nowMs = performance.now()
    if (this.#running >= atOnce || nowMs - (this.#lastMs.get(id) ?? Number.NEGATIVE_INFINITY) < again) return
    const [oldest] = this.#lastMs.keys()
    if (this.#lastMs.size >= limits.membersRemembered && oldest !== undefined) this.#lastMs.delete(oldest)
    this.#lastMs.delete(id)
    this.#lastMs.set(id, nowMs)
    this.#running++
    void this.#discovery
      .record(peer, { signal: deadline(limits.lookupTimeoutMs) })
      .catch(() => undefined)
      .finally(() => this.#running--)
  }
}
