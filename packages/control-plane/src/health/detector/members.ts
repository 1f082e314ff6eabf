import type { Claim, DetectorAction, MemberView } from './interface.ts'
import { createMember, isPresent, stateOf, viewOf, type Member, type Verdict } from './member.ts'
import type { DetectorSettings } from './settings.ts'

/** All that is known here of the members, this node itself left out, and what is to be done about it. */
export class Members {
  readonly self: string
  /** Of this node. */
  incarnation: number
  readonly #settings: DetectorSettings
  readonly #members = new Map<string, Member>()
  #actions: DetectorAction[] = []
  #present = 1

  constructor(self: string, incarnation: number, settings: DetectorSettings) {
    this.self = self
    this.incarnation = incarnation
    this.#settings = settings
  }

  /** Members that live or may live, this node included. */
  get present(): number {
    return this.#present
  }

  get(peer: string): Member | undefined {
    return this.#members.get(peer)
  }

  values(): Iterable<Member> {
    return this.#members.values()
  }

  /** @returns undefined where there is no room for one more */
  learn(peer: string, nowMs: number, reason: string): Member | undefined {
    const known = this.#members.get(peer)
    if (known !== undefined) return known
    if (peer === this.self || !this.#makeRoom()) return undefined
    const member = createMember(peer, this.#settings, nowMs)
    this.#members.set(peer, member)
    this.#present += 1
    this.show(member, nowMs, reason)
    return member
  }

  forget(peer: string): void {
    const member = this.#members.get(peer)
    if (member === undefined) return
    if (isPresent(member)) this.#present -= 1
    this.#members.delete(peer)
  }

  judge(member: Member, verdict: Verdict, nowMs: number, reason: string): void {
    if (isPresent(member)) this.#present -= 1
    if (verdict.is === 'alive') member.revivedMs = nowMs
    member.verdict = verdict
    if (isPresent(member)) this.#present += 1
    this.show(member, nowMs, reason)
  }

  /** Tells what changed for those who ask, if anything did. */
  show(member: Member, nowMs: number, reason: string): void {
    const { shown, isAsymmetric } = member
    const state = stateOf(member)
    if (shown?.state === state && shown.isAsymmetric === isAsymmetric) return
    const sinceMs = shown?.state === state ? shown.sinceMs : nowMs
    member.shown = { state, sinceMs, reason, isAsymmetric }
    const view = viewOf(member)
    if (view !== undefined) this.act({ do: 'changed', from: shown?.state, ...view })
  }

  act(action: DetectorAction): void {
    this.#actions.push(action)
  }

  takeActions(): DetectorAction[] {
    const actions = this.#actions
    this.#actions = []
    return actions
  }

  views(): MemberView[] {
    return [...this.#members.values()].flatMap((member) => viewOf(member) ?? [])
  }

  /**
   * What goes with every message to a peer: that this node lives, and the accusation of the peer that it has to refute,
   * so that it hears of that first of all (Lifeguard's buddy system, §IV.C). So too where this node knows better by now:
   * others may not, and a refutation reaches them all. One that this node had buried in an older life hears that once: so
   * may everybody else on this side of a partition that has healed.
   */
  claimsFor(peer: string): Claim[] {
    const claims: Claim[] = [{ peerId: this.self, state: 'alive', incarnation: this.incarnation }]
    const member = this.#members.get(peer)
    if (member !== undefined && member.accusedIncarnation >= member.incarnation && member.verdict.is !== 'left') {
      const state = member.verdict.is === 'dead' ? 'dead' : 'suspect'
      claims.push({ peerId: peer, state, incarnation: member.incarnation })
    } else if (member?.buriedIncarnation !== undefined) {
      claims.push({ peerId: peer, state: 'dead', incarnation: member.buriedIncarnation })
      member.buriedIncarnation = undefined
    }
    return claims
  }

  #makeRoom(): boolean {
    if (this.#members.size < this.#settings.mostMembers) return true
    let oldest: Member | undefined
    for (const member of this.#members.values()) {
      if (isPresent(member) || member.isConnected) continue
      if (oldest === undefined || (member.shown?.sinceMs ?? 0) < (oldest.shown?.sinceMs ?? 0)) oldest = member
    }
    if (oldest === undefined) return false
    this.#members.delete(oldest.peer)
    this.act({ do: 'forgot', peer: oldest.peer })
    return true
  }
}
