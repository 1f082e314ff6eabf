import type { Detector, DetectorAction, DetectorEvent, MemberView } from './interface.ts'
import { Judge } from './judge.ts'
import { LocalHealth } from './local-health.ts'
import { viewOf, type Member } from './member.ts'
import { Members } from './members.ts'
import { Prober } from './prober.ts'
import type { DetectorSettings } from './settings.ts'

export interface DetectorInit {
  self: string
  /** Higher than in any earlier life; milliseconds since 1970 at the start will do. */
  incarnation: number
  settings: DetectorSettings
  /** At least 0, below 1. */
  random: () => number
  /** By the clock of all later calls. */
  nowMs: number
}

/** SWIM with Lifeguard; docs/explanation/health.md says how and why. */
export const createDetector = (init: DetectorInit): Detector => new SwimDetector(init)

class SwimDetector implements Detector {
  readonly #settings: DetectorSettings
  readonly #members: Members
  readonly #health: LocalHealth
  readonly #judge: Judge
  readonly #prober: Prober
  #hasLeft = false

  constructor({ self, incarnation, settings, random, nowMs }: DetectorInit) {
    this.#settings = settings
    this.#members = new Members(self, incarnation, settings)
    this.#health = new LocalHealth(settings)
    const parts = { members: this.#members, settings, health: this.#health }
    const onAccused = (member: Member, atMs: number): void => this.#prober.doubt(member, atMs)
    const onRevived = (atMs: number): void => this.#prober.revived(atMs)
    this.#judge = new Judge({ ...parts, onAccused, onRevived }, nowMs)
    this.#prober = new Prober({ ...parts, judge: this.#judge, random }, nowMs)
  }

  get incarnation(): number {
    return this.#members.incarnation
  }

  get localHealth(): number {
    return this.#health.score
  }

  nextAtMs(): number {
    return this.#hasLeft ? Infinity : Math.min(this.#prober.nextAtMs(), this.#judge.nextAtMs())
  }

  of(peer: string): MemberView | undefined {
    const member = this.#members.get(peer)
    return member === undefined ? undefined : viewOf(member)
  }

  all(): MemberView[] {
    return this.#members.views()
  }

  handle(event: DetectorEvent, nowMs: number): DetectorAction[] {
    if (this.#hasLeft) return []
    this.#noticeStall(nowMs)
    this.#take(event, nowMs)
    return this.#members.takeActions()
  }

  tick(nowMs: number): DetectorAction[] {
    if (this.#hasLeft) return []
    this.#noticeStall(nowMs)
    this.#prober.tick(nowMs)
    this.#judge.tick(nowMs)
    return this.#members.takeActions()
  }

  /** Timers come before sockets when a process goes on: without this, everybody else would have been silent. */
  #noticeStall(nowMs: number): void {
    const lateMs = nowMs - this.nextAtMs()
    if (lateMs <= this.#settings.stallMs) return
    this.#health.stalled(lateMs)
    this.#prober.stalled(lateMs, nowMs)
    this.#judge.stalled(lateMs, nowMs)
  }

  #take(event: DetectorEvent, nowMs: number): void {
    switch (event.is) {
      case 'connected': {
        const member = this.#members.learn(event.peer, nowMs, 'it is connected')
        if (member === undefined) return
        member.isAsymmetric = false
        this.#prober.connected(member, nowMs)
        return this.#members.show(member, nowMs, 'it is connected')
      }
      case 'disconnected': {
        const member = this.#members.get(event.peer)
        if (member?.isConnected !== true) return
        member.isConnected = false
        member.signMs = nowMs
        return this.#prober.disconnected(member, event.isOrderly, nowMs)
      }
      case 'learnt': {
        const member = this.#members.learn(event.peer, nowMs, 'it became known')
        if (member !== undefined && event.incarnation !== undefined) this.#judge.state(member, event.incarnation, nowMs)
        return
      }
      case 'probe':
      case 'ack':
      case 'relayed-ack':
      case 'relayed-nack':
      case 'probe-for-me':
        return this.#takeMessage(event, nowMs)
      case 'unsent':
        return this.#prober.unsent(event.sequence, nowMs)
      case 'claims':
        return this.#judge.hear(event.by, event.claims, event.isFirstHand, nowMs)
      case 'digest':
        return event.peer === this.#members.self ? undefined : this.#judge.hearDigest(event, nowMs)
      case 'lag':
        return this.#health.lagged(event.lagMs)
      case 'forget': {
        const member = this.#members.get(event.peer)
        if (member === undefined) return
        this.#judge.forget(member)
        this.#prober.forget(event.peer)
        return this.#members.forget(event.peer)
      }
      case 'leave':
        this.#hasLeft = true
        return this.#members.act({ do: 'farewell', incarnation: this.#members.incarnation })
    }
  }

  #takeMessage(
    event: Extract<DetectorEvent, { is: 'probe' | 'ack' | 'relayed-ack' | 'relayed-nack' | 'probe-for-me' }>,
    nowMs: number
  ): void {
    const { peer, sequence } = event
    // first, so that the answer carries the refutation
    this.#judge.hear(peer, event.claims, true, nowMs)
    const member = this.#members.learn(peer, nowMs, 'it sent a message')
    if (member === undefined) return
    member.heardMs = nowMs
    member.signMs = nowMs
    switch (event.is) {
      case 'probe':
        return this.#members.act({ do: 'ack', peer, sequence, claims: this.#members.claimsFor(peer) })
      case 'probe-for-me':
        return this.#prober.probeFor(peer, event.target, sequence, nowMs)
      case 'ack':
        return this.#prober.acked(peer, sequence, nowMs)
      case 'relayed-ack':
      case 'relayed-nack':
        return this.#prober.relayed(peer, sequence, event.is === 'relayed-ack', nowMs)
    }
  }
}
