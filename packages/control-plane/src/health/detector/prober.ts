import type { Claim } from './interface.ts'
import type { Judge } from './judge.ts'
import type { LocalHealth } from './local-health.ts'
import type { Member } from './member.ts'
import type { Members } from './members.ts'
import { ProbeOrder } from './probe-order.ts'
import { Probes, type Errand, type OwnProbe } from './probes.ts'
import type { DetectorSettings } from './settings.ts'

export interface ProberInit {
  members: Members
  settings: DetectorSettings
  health: LocalHealth
  judge: Judge
  /** At least 0, below 1. */
  random: () => number
}

/** A helper says that it got no answer before the asker stops waiting: after this share of a timeout (Lifeguard §IV.A). */
const nackShare = 0.8
/** Probes that a neighbour may have under way through this node. */
const errandsPerAsker = 8
/** When many share a neighbour that is in doubt, about as many of them look in one interval. */
const looksPerInterval = 4
/**
 * A neighbour that is suspected is waited for at most so many intervals, however slow this node is: nothing is concluded
 * from its silence that was not before.
 */
const suspectIntervals = 2
/** A neighbour that does not answer here, and lives, is looked at again after so many intervals, unless many are lost. */
const lostIntervals = 1.5

/** Intervals between two turns of a neighbour to which every byte is counted. */
const costlyIntervals = 5

/** Probes one neighbour after the other, those in doubt out of turn, and others on request. */
export class Prober {
  readonly #init: ProberInit
  readonly #order: ProbeOrder
  readonly #probes = new Probes()
  /** When a neighbour in doubt is looked at out of turn. */
  readonly #looks = new Map<string, { atMs: number; mustDial: boolean }>()
  /** When a neighbour of that kind had its last turn. */
  readonly #turnsMs = new Map<string, number>()
  #nextTurnMs: number

  constructor(init: ProberInit, nowMs: number) {
    this.#init = init
    this.#order = new ProbeOrder(init.random)
    this.#nextTurnMs = nowMs + init.random() * init.settings.probeIntervalMs
  }

  nextAtMs(): number {
    let earliest = Math.min(this.#nextTurnMs, this.#probes.nextAtMs())
    for (const { atMs } of this.#looks.values()) earliest = Math.min(earliest, atMs)
    return earliest
  }

  connected(member: Member, nowMs: number): void {
    member.isConnected = true
    member.reach.reset()
    this.#order.add(member.peer)
    this.#look(member.peer, nowMs)
  }

  disconnected({ peer, verdict }: Member, isOrderly: boolean, nowMs: number): void {
    this.#order.remove(peer)
    this.#looks.delete(peer)
    this.#turnsMs.delete(peer)
    if (!isOrderly && verdict.is !== 'left') this.#look(peer, nowMs + this.#pause(), true)
  }

  forget(peer: string): void {
    this.#order.remove(peer)
    this.#looks.delete(peer)
    this.#turnsMs.delete(peer)
  }

  /** Somebody else cannot reach it. */
  doubt({ peer, isConnected }: Member, nowMs: number): void {
    if (isConnected && !this.#probes.isUnderWay(peer)) this.#look(peer, nowMs + this.#pause())
  }

  /** A partition has healed, perhaps: whoever else was lost to it is looked at in the next interval. */
  revived(nowMs: number): void {
    const { members, random, settings } = this.#init
    for (const peer of this.#order.peers) {
      const verdict = members.get(peer)?.verdict.is
      if (verdict !== 'dead' && verdict !== 'suspect') continue
      if (this.#looks.has(peer) || this.#probes.isUnderWay(peer)) continue
      this.#look(peer, nowMs + random() * settings.probeIntervalMs)
    }
  }

  acked(peer: string, sequence: number, nowMs: number): void {
    const probe = this.#probes.get(sequence)
    if (probe?.peer !== peer) return
    this.#probes.remove(probe)
    if (probe.is === 'own') this.#answered(probe, nowMs)
    else this.#tellAsker(probe, 'relayed-ack')
  }

  relayed(helper: string, sequence: number, hasAnswer: boolean, nowMs: number): void {
    const probe = this.#probes.get(sequence)
    if (probe?.is !== 'own' || !probe.helpers.includes(helper)) return
    if (!hasAnswer) {
      probe.nacks.add(helper)
      return
    }
    probe.hasRelayedAck = true
    const member = this.#init.members.get(probe.peer)
    if (member === undefined) return
    member.provenMs = nowMs
    this.#init.judge.answered(member, probe.sentMs, nowMs)
  }

  unsent(sequence: number, nowMs: number): void {
    const probe = this.#probes.get(sequence)
    if (probe?.is === 'own' && probe.askHelpersAtMs !== undefined) this.#askHelpers(probe, nowMs)
    if (probe?.is === 'errand') this.#refuse(probe)
  }

  probeFor(asker: string, target: string, askerSequence: number, nowMs: number): void {
    const { members, health, settings } = this.#init
    const sequence = this.#probes.nextSequence()
    const endMs = nowMs + nackShare * settings.probeTimeoutMs
    const errand: Errand = { is: 'errand', sequence, peer: target, endMs, asker, askerSequence }
    const isPossible = members.get(target)?.isConnected === true && this.#probes.errandsOf(asker) < errandsPerAsker
    if (!isPossible) return this.#tellAsker(errand, target === members.self ? 'relayed-ack' : 'relayed-nack')
    this.#probes.add(errand)
    const deadlineMs = nowMs + health.scale(settings.probeTimeoutMs)
    const claims = members.claimsFor(target)
    members.act({ do: 'probe', peer: target, sequence, deadlineMs, mustDial: false, claims })
  }

  tick(nowMs: number): void {
    for (const probe of this.#probes.due(nowMs)) {
      if (probe.is === 'errand') this.#refuse(probe)
      else if (probe.askHelpersAtMs === undefined) this.#conclude(probe, nowMs)
      else this.#askHelpers(probe, nowMs)
    }
    for (const [peer, { atMs, mustDial }] of this.#looks) {
      if (atMs > nowMs) continue
      this.#looks.delete(peer)
      this.#lookAt(peer, mustDial, nowMs)
    }
    if (nowMs >= this.#nextTurnMs) this.#takeTurn(nowMs)
  }

  stalled(byMs: number, nowMs: number): void {
    const { graceMs } = this.#init.settings
    this.#probes.extend(byMs + graceMs)
    for (const look of this.#looks.values()) look.atMs = Math.max(look.atMs, nowMs + graceMs)
    this.#nextTurnMs = Math.max(this.#nextTurnMs, nowMs + graceMs)
  }

  /** How long a round takes, at most. */
  get roundMs(): number {
    return this.#order.size * this.#init.settings.probeIntervalMs
  }

  #takeTurn(nowMs: number): void {
    const { settings, health, members } = this.#init
    this.#nextTurnMs = nowMs + health.scale(settings.probeIntervalMs)
    for (let tries = this.#order.size; tries > 0; tries--) {
      const peer = this.#order.next()
      if (peer === undefined || this.#probes.isUnderWay(peer)) continue
      if (members.get(peer)?.verdict.is === 'left' || !this.#isDue(peer, nowMs)) continue
      this.#looks.delete(peer)
      this.#start(peer, false, nowMs)
      return
    }
  }

  /** Whoever is in doubt is looked at out of turn, and sooner. */
  #isDue(peer: string, nowMs: number): boolean {
    const { isCostly, probeIntervalMs } = this.#init.settings
    if (isCostly?.(peer) !== true) return true
    const lastMs = this.#turnsMs.get(peer) ?? Number.NEGATIVE_INFINITY
    if (nowMs - lastMs < costlyIntervals * probeIntervalMs) return false
    this.#turnsMs.set(peer, nowMs)
    return true
  }

  /** Where others have seen enough there is no need for one more witness. */
  #lookAt(peer: string, mustDial: boolean, nowMs: number): void {
    const member = this.#init.members.get(peer)
    if (member === undefined || this.#probes.isUnderWay(peer)) return
    const { verdict, isConnected } = member
    const isSettled = verdict.is === 'suspect' && verdict.suspicion.isConfirmed
    if (!isConnected && (!mustDial || isSettled || verdict.is === 'dead' || verdict.is === 'left')) return
    this.#start(peer, mustDial && !isConnected, nowMs)
  }

  #start(peer: string, mustDial: boolean, nowMs: number): void {
    const { settings, health, members } = this.#init
    const sequence = this.#probes.nextSequence()
    const timeoutMs = health.scale(settings.probeTimeoutMs)
    const intervalMs = this.#patienceMs(peer)
    // a dial takes several round trips
    const askHelpersAtMs = nowMs + (mustDial ? intervalMs : Math.min(timeoutMs, intervalMs))
    const endMs = mustDial ? askHelpersAtMs + timeoutMs : nowMs + intervalMs
    const toldOf = members.get(peer)?.accusedIncarnation ?? -1
    const rest = { helpers: [], nacks: new Set<string>(), hasRelayedAck: false, mustDial, toldOf }
    this.#probes.add({ is: 'own', sequence, peer, sentMs: nowMs, askHelpersAtMs, endMs, ...rest })
    members.act({ do: 'probe', peer, sequence, deadlineMs: endMs, mustDial, claims: members.claimsFor(peer) })
  }

  #askHelpers(probe: OwnProbe, nowMs: number): void {
    const { members, settings, health } = this.#init
    probe.askHelpersAtMs = undefined
    const timeoutMs = Math.min(health.scale(settings.probeTimeoutMs), this.#patienceMs(probe.peer))
    probe.endMs = Math.max(probe.endMs, nowMs + timeoutMs)
    // nobody else needs to look again at who is dead
    const isDead = members.get(probe.peer)?.verdict.is === 'dead'
    probe.helpers = isDead ? [] : this.#helpersFor(probe.peer)
    const claims: Claim[] = members.claimsFor(members.self)
    for (const helper of probe.helpers) {
      const { peer: target, sequence, endMs: deadlineMs } = probe
      members.act({ do: 'ask', helper, target, sequence, deadlineMs, claims })
    }
  }

  /** Neighbours of both first; the others can at least show that this node is not the one that is cut off. */
  #helpersFor(peer: string): string[] {
    const { members, settings } = this.#init
    const near = new Set(members.get(peer)?.neighbours)
    const candidates = this.#order.shuffled().filter((one) => {
      const helper = members.get(one)
      return one !== peer && helper?.verdict.is === 'alive' && !helper.reach.isLost
    })
    return [...candidates.filter((one) => near.has(one)), ...candidates.filter((one) => !near.has(one))].slice(
      0,
      settings.indirectProbes
    )
  }

  #answered({ peer, sentMs, toldOf }: OwnProbe, nowMs: number): void {
    const { members, health, judge } = this.#init
    const member = members.get(peer)
    health.answered()
    if (member === undefined) return
    member.reach.answered()
    judge.answered(member, sentMs, nowMs)
    if (!member.reach.isLost) member.isAsymmetric = false
    members.show(member, nowMs, 'it answers again')
    const isUntold = member.accusedIncarnation >= member.incarnation && member.accusedIncarnation > toldOf
    if (member.reach.isLost || isUntold) this.#lookSoon(member, nowMs)
  }

  #conclude(probe: OwnProbe, nowMs: number): void {
    const { members, health, judge } = this.#init
    this.#probes.remove(probe)
    const member = members.get(probe.peer)
    if (member === undefined) return
    if (probe.hasRelayedAck) health.answered()
    else if (member.verdict.is === 'alive' && !member.reach.isLost)
      health.unanswered(probe.helpers.length, probe.nacks.size)
    // what was asked before it came back says nothing of what came back
    if (member.revivedMs >= probe.sentMs) return this.#lookSoon(member, nowMs)
    const sinceMs = member.reach.since(probe.sentMs)
    const livedMs = Math.max(member.provenMs, member.heardMs)
    const isElsewhere = livedMs > sinceMs && nowMs - livedMs <= this.#freshMs
    if (probe.mustDial) member.reach.cut(probe.sentMs)
    else member.reach.failed(probe.sentMs, isElsewhere && member.verdict.is === 'alive')
    member.isAsymmetric = member.reach.isLost && member.heardMs > sinceMs && nowMs - member.heardMs <= this.#freshMs
    if (!isElsewhere) judge.accuse(member, nowMs)
    members.show(member, nowMs, member.isAsymmetric ? 'it is heard here and does not answer' : 'others reach it')
    // a round is too long to wait: accusations by gossip may be lost to one that stood still, and ways come back
    if (member.verdict.is === 'suspect' || !member.reach.isLost) this.#lookSoon(member, nowMs)
    else this.#lookSoon(member, nowMs, Math.max(lostIntervals, this.#lost / looksPerInterval))
  }

  get #lost(): number {
    return this.#order.peers.filter((peer) => this.#init.members.get(peer)?.reach.isLost === true).length
  }

  /** How long a probe of it may take. */
  #patienceMs(peer: string): number {
    const { settings, health, members } = this.#init
    const scaledMs = health.scale(settings.probeIntervalMs)
    const isSuspect = members.get(peer)?.verdict.is === 'suspect'
    return isSuspect ? Math.min(scaledMs, suspectIntervals * settings.probeIntervalMs) : scaledMs
  }

  /** How old a sign of life may be that others had of a neighbour which this node has lost. */
  get #freshMs(): number {
    const { settings, members, health } = this.#init
    return 2 * Math.max(settings.digestIntervalMs(members.present), health.scale(this.roundMs), 5_000)
  }

  #lookSoon({ peer, isConnected, verdict }: Member, nowMs: number, intervals = 1): void {
    if (!isConnected || verdict.is === 'dead' || verdict.is === 'left') return
    this.#look(peer, nowMs + intervals * this.#init.settings.probeIntervalMs)
  }

  #look(peer: string, atMs: number, mustDial = false): void {
    const planned = this.#looks.get(peer)
    this.#looks.set(peer, { atMs: Math.min(atMs, planned?.atMs ?? Infinity), mustDial })
  }

  /** All who share the neighbour are in doubt at the same moment; as many neighbours as here, it is guessed. */
  #pause(): number {
    const { random, settings } = this.#init
    return random() * (this.#order.size / looksPerInterval) * settings.probeIntervalMs
  }

  #refuse(errand: Errand): void {
    this.#probes.remove(errand)
    this.#tellAsker(errand, 'relayed-nack')
  }

  #tellAsker({ asker, askerSequence }: Errand, verdict: 'relayed-ack' | 'relayed-nack'): void {
    const { members } = this.#init
    members.act({ do: verdict, peer: asker, sequence: askerSequence, claims: members.claimsFor(asker) })
  }
}
