import {
  PathPlan,
  type AttemptKind,
  type PathAction,
  type PathClass,
  type PathPlanInit
} from '@agent-mesh/control-plane'
import type { SeededRandom } from '../../random.ts'
import { EventQueue } from '../event-queue.ts'

/** How the network between two nodes treats one kind of path. */
export interface Link {
  /** New connections can be made. */
  isOpen: boolean
  /** Packets of the connections that there are get lost without a word. */
  isSilent: boolean
  rttMs: number
}

export interface Switch {
  atMs: number
  before: PathClass | undefined
  path: PathClass | undefined
}

const classOf: Record<AttemptKind, PathClass> = {
  direct: 'direct',
  punch: 'punched',
  webrtc: 'webrtc',
  relayed: 'relayed'
}
const attemptTimeoutMs = 5_000
const kinds: AttemptKind[] = ['direct', 'punch', 'webrtc', 'relayed']

/** One plan and a peer behind four kinds of paths that fail and heal, on a virtual clock: the same seed, the same trace. */
export class PathWorld {
  readonly links: Record<AttemptKind, Link> = {
    direct: { isOpen: true, isSilent: false, rttMs: 40 },
    punch: { isOpen: true, isSilent: false, rttMs: 45 },
    webrtc: { isOpen: true, isSilent: false, rttMs: 60 },
    relayed: { isOpen: true, isSilent: false, rttMs: 120 }
  }
  readonly plan: PathPlan
  readonly switches: Switch[] = []
  readonly attempts: Array<{ atMs: number; kind: AttemptKind }> = []
  readonly closed: Array<{ atMs: number; id: string; why: string }> = []
  /** Looks of the plan at the clock: what it costs. */
  looks = 0
  readonly #ways = new Map<string, AttemptKind>()
  readonly #deaf = new Set<string>()
  readonly #queue = new EventQueue<() => void>()
  readonly #random: SeededRandom
  #nowMs = 0
  #ids = 0

  constructor(random: SeededRandom, init: Partial<PathPlanInit> = {}) {
    this.#random = random
    this.plan = new PathPlan({ kinds, random: random.next, ...init })
  }

  get nowMs(): number {
    return this.#nowMs
  }

  get open(): number {
    return this.#ways.size
  }

  get path(): PathClass | undefined {
    return this.plan.standing(this.#nowMs).path
  }

  at(atMs: number, task: () => void): void {
    this.#queue.add(Math.max(atMs, this.#nowMs), task)
  }

  connect(kind: AttemptKind): string {
    const id = `${kind}${++this.#ids}`
    this.#ways.set(id, kind)
    this.#do(this.plan.handle({ is: 'opened', id, path: classOf[kind] }, this.#nowMs))
    return id
  }

  /** Nothing comes through this connection any more, while others of its kind work: one of its ends has moved. */
  lose(id: string): void {
    this.#deaf.add(id)
  }

  feed(event: Parameters<PathPlan['handle']>[0]): void {
    this.#do(this.plan.handle(event, this.#nowMs))
  }

  run(untilMs: number): void {
    for (;;) {
      const nextMs = Math.min(this.#queue.nextAtMs, this.plan.nextAtMs)
      if (nextMs > untilMs) break
      this.#nowMs = Math.max(this.#nowMs, nextMs)
      if (this.#queue.nextAtMs <= this.plan.nextAtMs) this.#queue.take()?.()
      else {
        this.looks++
        this.#do(this.plan.tick(this.#nowMs))
      }
    }
    this.#nowMs = untilMs
  }

  #do(actions: PathAction[]): void {
    for (const action of actions) {
      if (action.do === 'echo') this.#echo(action.id, action.sequence)
      else if (action.do === 'attempt') this.#attempt(action.kind)
      else if (action.do === 'close') {
        this.closed.push({ atMs: this.#nowMs, id: action.id, why: action.why })
        this.#ways.delete(action.id)
      } else if (action.do === 'preferred')
        this.switches.push({ atMs: this.#nowMs, before: action.before, path: action.path })
    }
  }

  /** TCP sends again what was lost: an echo that fell into a silence arrives a moment after its end. */
  #echo(id: string, sequence: number): void {
    const kind = this.#ways.get(id)
    if (kind === undefined || this.#deaf.has(id)) return
    const link = this.links[kind]
    if (link.isSilent) this.at(this.#nowMs + 200, () => this.#echo(id, sequence))
    else this.at(this.#nowMs + link.rttMs * (1 + this.#random.next()), () => this.#answer(id, sequence))
  }

  #answer(id: string, sequence: number): void {
    const kind = this.#ways.get(id)
    if (kind === undefined) return
    if (this.links[kind].isSilent) this.at(this.#nowMs + 200, () => this.#answer(id, sequence))
    else this.feed({ is: 'answered', id, sequence })
  }

  #attempt(kind: AttemptKind): void {
    this.attempts.push({ atMs: this.#nowMs, kind })
    const startedMs = this.#nowMs
    const link = this.links[kind]
    const look = (): void => {
      if (link.isOpen && !link.isSilent) {
        this.connect(kind)
        this.feed({ is: 'attempt-ended', kind })
      } else if (this.#nowMs - startedMs >= attemptTimeoutMs || !link.isSilent)
        this.feed({ is: 'attempt-ended', kind, code: 'UNREACHABLE' })
      else this.at(this.#nowMs + 1_000, look)
    }
    this.at(this.#nowMs + 3 * link.rttMs, look)
  }
}
