import { FalseAlarms } from './false-alarms.ts'
import type { Claim, DetectorEvent } from './interface.ts'
import type { LocalHealth } from './local-health.ts'
import type { Member } from './member.ts'
import type { Members } from './members.ts'
import { confirmationsOf, suspicionBounds, type DetectorSettings } from './settings.ts'
import { Suspicion } from './suspicion.ts'

type DigestEvent = Extract<DetectorEvent, { is: 'digest' }>

export interface JudgeInit {
  members: Members
  settings: DetectorSettings
  health: LocalHealth
  /** Others cannot reach this neighbour: this node had better look itself. */
  onAccused: (member: Member, nowMs: number) => void
  /** Somebody came back from the dead, and may not be the only one. */
  onRevived: (nowMs: number) => void
}

/** How often everybody is looked over for those who have gone silent. */
const scanEveryMs = 5_000
/** Suspicions that run out at about the same time, as those of half a network do, are looked at together. */
const togetherMs = 50
/**
 * How often this node says again which life it lives, where an older one is accused still: two halves of a network that have
 * met tell each other who is dead, and what refuted that was said before they met.
 */
const restateMs = 5_000
/** A neighbour that was cut off and could not be dialled is nobody's to try; what was seen of it grows stale. */
const forgetLostMs = 5 * 60_000

/** Holds every member alive, suspect, dead or left, by what it says itself, what others say, and what time does. */
export class Judge {
  readonly #init: JudgeInit
  readonly #suspects = new Set<Member>()
  #nextDueMs = Infinity
  #nextScanMs: number
  #graceUntilMs = -Infinity
  /** Silence counts from here: nothing can be heard while this node stands still. */
  #listeningSinceMs: number
  /** When this node last said to everybody which life it lives. */
  #statedMs = -Infinity

  constructor(init: JudgeInit, nowMs: number) {
    this.#init = init
    this.#nextScanMs = nowMs + scanEveryMs
    this.#listeningSinceMs = nowMs
  }

  nextAtMs(): number {
    return Math.min(Math.max(this.#nextDueMs, this.#graceUntilMs), this.#nextScanMs)
  }

  /** @param by - whose word it is; that of the member itself is a statement, that of others is not more than an accusation */
  hear(by: string, claims: readonly Claim[], isFirstHand: boolean, nowMs: number): void {
    let isRefuted = false
    for (const claim of claims) {
      if (claim.peerId === this.#init.members.self) isRefuted = this.#outbids(claim, nowMs) || isRefuted
      else if (claim.peerId === by) this.#hearStatement(claim, nowMs)
      else this.#hearAccusation(by, claim, isFirstHand, nowMs)
    }
    // once, however much one message says
    if (isRefuted) this.#refute([by], nowMs)
  }

  hearDigest(digest: DigestEvent, nowMs: number): void {
    const { members, settings } = this.#init
    const { peer, incarnation, neighbours, isLeaving = false } = digest
    const member = members.learn(peer, nowMs, 'its digest came')
    const madeMs = member?.clock.read(digest, nowMs)
    if (member === undefined || madeMs === undefined || incarnation < member.incarnation) return
    member.signMs = nowMs
    if (neighbours !== undefined) member.neighbours = neighbours
    if (isLeaving) return this.#leave(member, incarnation, nowMs)
    this.state(member, incarnation, nowMs)
    member.provenMs = Math.max(member.provenMs, madeMs)
    this.#acquit(member, madeMs - settings.probeTimeoutMs, nowMs, 'it went on sending digests')
  }

  /** The member itself says that it lives this life. */
  state(member: Member, incarnation: number, nowMs: number): void {
    if (incarnation <= member.incarnation) return
    const { verdict } = member
    if (verdict.is === 'dead') member.buriedIncarnation = member.incarnation
    member.incarnation = incarnation
    member.signMs = nowMs
    member.provenMs = nowMs
    if (verdict.is === 'alive') return
    if (verdict.is === 'suspect') this.#countFalseAlarm(member, verdict.suspicion, nowMs)
    this.#revive(member, nowMs, 'it refuted')
  }

  /** It answered this node itself, or a helper, to a question that was asked at that time. */
  answered(member: Member, askedMs: number, nowMs: number): void {
    member.signMs = nowMs
    this.#acquit(member, askedMs, nowMs, 'it answered')
  }

  /** This node's own finding. */
  accuse(member: Member, nowMs: number): void {
    if (!this.#suspect(member, this.#init.members.self, nowMs, 'it does not answer')) return
    this.#spread(member, 'suspect')
  }

  tick(nowMs: number): void {
    if (nowMs >= this.#nextScanMs) this.#scan(nowMs)
    if (nowMs < this.#nextDueMs || nowMs < this.#graceUntilMs) return
    for (const member of this.#suspects) {
      if (member.verdict.is !== 'suspect') this.#suspects.delete(member)
      else if (member.verdict.suspicion.dueMs <= nowMs) this.#bury(member, member.verdict.suspicion, nowMs)
    }
    this.#nextDueMs = Infinity
    for (const { verdict } of this.#suspects) this.#expect(verdict.is === 'suspect' ? verdict.suspicion : undefined)
  }

  /**
   * This node stood still for that long; refutations may wait to be read. Long enough to be dead for others it refutes
   * unasked: who told it so may have told it while nothing was heard.
   */
  stalled(byMs: number, nowMs: number): void {
    const { members, settings } = this.#init
    if (byMs >= suspicionBounds(settings, members.present).minMs) {
      members.incarnation += 1
      this.#refute([], nowMs)
    }
    for (const { verdict } of this.#suspects) if (verdict.is === 'suspect') verdict.suspicion.extend(byMs)
    this.#nextDueMs += byMs
    this.#graceUntilMs = nowMs + this.#init.settings.graceMs
    this.#listeningSinceMs = nowMs
  }

  forget(member: Member): void {
    this.#suspects.delete(member)
  }

  /** Whoever was believed to be something else in a life that this node does not remember needs a newer life. */
  #outbids({ state, incarnation }: Claim, nowMs: number): boolean {
    const { members, health } = this.#init
    const isAccusation = state === 'suspect' || state === 'dead'
    const isStale = state === 'alive' ? incarnation <= members.incarnation : incarnation < members.incarnation
    if (isStale) return isAccusation && nowMs - this.#statedMs >= restateMs
    members.incarnation = incarnation + 1
    if (isAccusation) health.refuted()
    return true
  }

  #refute(accusers: string[], nowMs: number): void {
    const { members } = this.#init
    this.#statedMs = nowMs
    members.act({ do: 'refute', incarnation: members.incarnation, accusers })
  }

  #hearStatement({ peerId, state, incarnation }: Claim, nowMs: number): void {
    const member = this.#init.members.learn(peerId, nowMs, 'it said so')
    if (member === undefined) return
    if (state === 'left') this.#leave(member, incarnation, nowMs)
    else if (state === 'alive') this.state(member, incarnation, nowMs)
  }

  #hearAccusation(by: string, { peerId, state, incarnation }: Claim, isFirstHand: boolean, nowMs: number): void {
    const { members, onAccused } = this.#init
    const member = members.get(peerId)
    if (member === undefined || incarnation > member.incarnation) {
      // nobody is raised by the word of another, and nobody is accused of a life that it did not state
      if (state !== 'dead' && state !== 'left') members.act({ do: 'want-digest', peer: peerId, from: by })
      return
    }
    const isAccusation = state === 'suspect' || state === 'dead'
    if (!isAccusation || incarnation < member.incarnation || !this.#isWitness(by, member, nowMs)) return
    const isCharge = isFirstHand || (state === 'dead' && this.#isOpen(member, nowMs))
    const isNews = isCharge
      ? this.#suspect(member, by, nowMs, `${by} gets no answer from it`)
      : member.accusedIncarnation < incarnation
    if (member.isConnected) member.accusedIncarnation = incarnation
    if (isNews) onAccused(member, nowMs)
  }

  /**
   * Whether the views of others may be right about it. Who was just heard by everybody needs no second-hand doubts; its
   * neighbours take them up nevertheless, so that it hears what is said of it.
   */
  #isOpen({ isConnected, signMs }: Member, nowMs: number): boolean {
    const { settings, members } = this.#init
    return isConnected || nowMs - signMs > settings.digestIntervalMs(members.present) + settings.probeIntervalMs
  }

  #isWitness(by: string, { falseAlarms }: Member, nowMs: number): boolean {
    const author = this.#init.members.get(by)?.verdict.is
    return author !== 'dead' && author !== 'left' && falseAlarms?.isIdle(by, nowMs) !== true
  }

  /** @returns whether that was news */
  #suspect(member: Member, accuser: string, nowMs: number, reason: string): boolean {
    const { members, settings } = this.#init
    const { verdict } = member
    member.accusedIncarnation = member.incarnation
    if (verdict.is === 'suspect') {
      const isNews = verdict.suspicion.confirm(accuser)
      if (isNews) this.#expect(verdict.suspicion)
      return isNews
    }
    if (verdict.is !== 'alive') return false
    const bounds = suspicionBounds(settings, members.present)
    const confirmations = confirmationsOf(settings, members.present)
    const suspicion = new Suspicion({ startMs: nowMs, ...bounds, confirmations, accuser })
    this.#suspects.add(member)
    this.#expect(suspicion)
    members.judge(member, { is: 'suspect', suspicion }, nowMs, reason)
    return true
  }

  #expect(suspicion: Suspicion | undefined): void {
    if (suspicion === undefined) return
    this.#nextDueMs = Math.min(this.#nextDueMs, Math.ceil(suspicion.dueMs / togetherMs) * togetherMs)
  }

  /** It lived at that time: what is older than that is no charge any longer. */
  #acquit(member: Member, livedMs: number, nowMs: number, reason: string): void {
    const { verdict } = member
    const chargedMs =
      verdict.is === 'suspect' ? verdict.suspicion.startMs : verdict.is === 'dead' ? verdict.sinceMs : Infinity
    if (livedMs >= chargedMs) this.#revive(member, nowMs, reason)
  }

  #revive(member: Member, nowMs: number, reason: string): void {
    const { members, onRevived } = this.#init
    const wasDead = member.verdict.is === 'dead'
    this.#suspects.delete(member)
    members.judge(member, { is: 'alive' }, nowMs, reason)
    if (wasDead) onRevived(nowMs)
  }

  #bury(member: Member, suspicion: Suspicion, nowMs: number): void {
    const { members } = this.#init
    const { accusers } = suspicion
    this.#suspects.delete(member)
    const many = accusers.length === 1 ? 'one member' : `${accusers.length} members`
    members.judge(member, { is: 'dead', sinceMs: nowMs }, nowMs, `${many} got no answer from it, and it did not refute`)
    if (suspicion.isOf(members.self)) this.#spread(member, 'dead')
  }

  #leave(member: Member, incarnation: number, nowMs: number): void {
    if (incarnation < member.incarnation) return
    member.incarnation = incarnation
    this.#suspects.delete(member)
    this.#init.members.judge(member, { is: 'left' }, nowMs, 'it said goodbye')
  }

  #spread({ peer, incarnation }: Member, state: 'suspect' | 'dead'): void {
    this.#init.members.act({ do: 'spread', claim: { peerId: peer, state, incarnation } })
  }

  #countFalseAlarm(member: Member, { accusers }: Suspicion, nowMs: number): void {
    const [author, another] = accusers
    if (author === undefined || another !== undefined || author === this.#init.members.self) return
    member.falseAlarms ??= new FalseAlarms(this.#init.settings)
    member.falseAlarms.raisedBy(author, nowMs)
  }

  /**
   * Neighbours are probed, others are judged by their neighbours; whoever has no neighbour left that could be heard here is
   * found by its silence. Nobody is told: everybody hears the same silence at the same time.
   */
  #scan(nowMs: number): void {
    this.#nextScanMs = nowMs + scanEveryMs
    const { members, settings } = this.#init
    const mostSilentMs = settings.digestsMissed * settings.digestIntervalMs(members.present)
    for (const member of members.values()) {
      if (member.isConnected || member.verdict.is !== 'alive') continue
      if (member.reach.isLost && member.reach.since(nowMs) < nowMs - forgetLostMs) {
        member.reach.reset()
        members.show(member, nowMs, 'it was not tried again')
      }
      if (nowMs - Math.max(member.signMs, this.#listeningSinceMs) <= mostSilentMs) continue
      this.#suspect(member, members.self, nowMs, 'nothing was heard of it')
    }
  }
}
