import { createBackOff, type BackOff } from './back-off.ts'

/** A member that can be dialled. */
export interface UpkeepCandidate {
  peerId: string
  /** Of a ticket or of the configuration: the same for many members, so links to these alone make a star. */
  isFirst: boolean
}

export interface UpkeepKnobs {
  /** Members that shall be connected; below it this node dials. */
  targetDegree: number
  /** Of these, members that are nobody's first, picked at random: what holds when the first ones die. */
  randomDegree: number
  /** From this many on this node only dials to end a partition. Nobody is disconnected for being one too many. */
  mostDegree: number
  /** Dials at once, and while nobody is connected. */
  concurrency: number
  aloneConcurrency: number
  /** How often a member that is out of view is dialled, ± 25 %. */
  reunionMs: number
  /** Of a peer that does not answer: base · 2ⁿ up to the maximum. */
  baseMs: number
  maxMs: number
  /** The same, while nobody is connected: it may be this node's own network that was away, and is back. */
  aloneMaxMs: number
}

/** Eight links of which four are random: `test/discovery/upkeep-simulation.test.ts` shows what they survive. */
const upkeepDefaults: UpkeepKnobs = {
  targetDegree: 8,
  randomDegree: 4,
  mostDegree: 24,
  concurrency: 3,
  aloneConcurrency: 6,
  reunionMs: 30_000,
  baseMs: 1_000,
  maxMs: 120_000,
  aloneMaxMs: 8_000
}

export interface UpkeepPlanInit extends Partial<UpkeepKnobs> {
  /** Milliseconds since 1970. */
  now: () => number
  /** At least 0, below 1. */
  random: () => number
  self: string
  /** Whom this node could dial, best first; the connected ones and itself may be among them. */
  candidates: () => readonly UpkeepCandidate[]
  /** Who is connected. */
  members: () => readonly string[]
  /** Something was heard of a member after this moment, though it is not connected here. */
  isHeardSince: (peer: string, sinceMs: number) => boolean
}

/** After the loss of a neighbour: a mesh that loses one node must not dial as one. */
const pokeMs = 500
/** Below the target with nobody left to try, the candidates are looked at again after this, then twice that, … */
const firstIdleMs = 500
const longestIdleMs = 30_000
const fewestReturns = 2
/** When one that was lost is back, others of its side are tried at this pace. */
const waveMs = 1_000
/** A connection that held this long counts as good. */
const goodAfterMs = 60_000

/** Why a peer is dialled. */
export type UpkeepReason = 'degree' | 'reunion'

export interface UpkeepDial {
  peerId: string
  reason: UpkeepReason
}

/**
 * Whom to dial, and when, so that the overlay stays in one piece: events and time go in, dials come out.
 *
 * Three rules. Below the target degree, or with too few random links, dial. Now and then dial a member that was lost and
 * not heard of since: the other half of a partition has a full degree of its own and nothing to do. When such a one is
 * back, try some more of them soon: one link is no bridge.
 */
export class UpkeepPlan {
  readonly #init: UpkeepPlanInit & UpkeepKnobs
  readonly #backOff: BackOff
  readonly #dialling = new Map<string, UpkeepReason>()
  /** When the last connection of a member ended, and how often it was dialled in vain since. */
  readonly #lost = new Map<string, { atMs: number; tries: number }>()
  #lookAtMs: number
  #idleMs = firstIdleMs
  #reunionAtMs: number
  /** Members of the other side that are still to be tried at the pace of a wave. */
  #wave = 0
  #restUntilMs = Number.NEGATIVE_INFINITY
  readonly #triedInWave = new Set<string>()

  constructor(init: UpkeepPlanInit) {
    this.#init = { ...upkeepDefaults, ...init }
    const { now, random, baseMs, maxMs } = this.#init
    this.#backOff = createBackOff({ baseMs, maxMs, goodAfterMs, now, random })
    this.#lookAtMs = now()
    this.#reunionAtMs = this.#in(this.#init.reunionMs, 0.25)
  }

  admitted(peer: string): void {
    this.#backOff.connected(peer)
    this.#idleMs = firstIdleMs
    if (this.#lost.delete(peer)) this.#beginWave()
  }

  gone(peer: string): void {
    this.#backOff.ended(peer)
    this.#lost.set(peer, { atMs: this.#init.now(), tries: 0 })
    this.#lookAtMs = Math.min(this.#lookAtMs, this.#in(pokeMs, 0.5))
  }

  /** A dial of this node has ended. */
  ended(peer: string, isConnected: boolean): void {
    this.#dialling.delete(peer)
    const lost = this.#lost.get(peer)
    if (isConnected) this.#backOff.connected(peer)
    else this.#lost.set(peer, { atMs: lost?.atMs ?? 0, tries: (lost?.tries ?? 0) + 1 })
    this.#lookAtMs = this.#init.now()
  }

  /** Whom to dial now; each of them counts as begun. */
  due(): UpkeepDial[] {
    const nowMs = this.#init.now()
    const known = this.#init.candidates().filter(({ peerId }) => peerId !== this.#init.self)
    const connected = new Set(this.#init.members())
    const free = known.filter(({ peerId }) => !connected.has(peerId) && !this.#dialling.has(peerId))
    const dials: UpkeepDial[] = this.#forDegree(known, free, connected, nowMs).map(({ peerId }) => ({
      peerId,
      reason: 'degree'
    }))
    if (this.#reunionAtMs <= nowMs) {
      const missing = this.#missing(free.filter(({ peerId }) => dials.every((dial) => dial.peerId !== peerId)))
      if (missing !== undefined) dials.push({ peerId: missing, reason: 'reunion' })
      this.#reunionAtMs = this.#wave > 0 ? this.#in(waveMs, 0.5) : this.#in(this.#init.reunionMs, 0.25)
    }
    for (const { peerId, reason } of dials) {
      this.#dialling.set(peerId, reason)
      this.#backOff.attempted(peerId)
    }
    this.#keep(new Set([...known.map(({ peerId }) => peerId), ...connected]))
    return dials
  }

  /** When to look again. */
  nextMs(): number {
    return Math.min(this.#lookAtMs, this.#reunionAtMs)
  }

  #forDegree(
    known: readonly UpkeepCandidate[],
    free: UpkeepCandidate[],
    connected: Set<string>,
    nowMs: number
  ): UpkeepCandidate[] {
    this.#lookAtMs = nowMs + longestIdleMs
    const { targetDegree, randomDegree, mostDegree, concurrency, aloneConcurrency } = this.#init
    const first = new Set(known.filter(({ isFirst }) => isFirst).map(({ peerId }) => peerId))
    const coming = [...this.#dialling.keys()]
    const count = connected.size + coming.length
    const others = [...connected, ...coming].filter((peer) => !first.has(peer)).length
    const lacking = Math.max(targetDegree - count, randomDegree - others)
    const slots = (connected.size === 0 ? aloneConcurrency : concurrency) - coming.length
    const open = Math.min(lacking, mostDegree - count, slots)
    if (open <= 0) return []
    const wanted = count >= targetDegree ? free.filter(({ isFirst }) => !isFirst) : free
    const mostMs = connected.size === 0 ? this.#init.aloneMaxMs : undefined
    const dueAtMs = ({ peerId }: UpkeepCandidate): number => this.#backOff.notBefore(peerId, mostMs)
    const due = wanted.filter((one) => dueAtMs(one) <= nowMs)
    const chosen = connected.size === 0 ? this.#fromNothing(due, open) : this.#atRandom(due, open)
    const waiting = wanted.filter((one) => !due.includes(one)).map(dueAtMs)
    if (chosen.length === 0 && coming.length === 0) {
      this.#lookAtMs = nowMs + Math.min(this.#idleMs, ...waiting.map((atMs) => atMs - nowMs))
      this.#idleMs = Math.min(2 * this.#idleMs, longestIdleMs)
    }
    return chosen
  }

  /** Half of them in the order in which they are given, the best first; half anywhere, as the best may all be dead. */
  #fromNothing(due: UpkeepCandidate[], open: number): UpkeepCandidate[] {
    const best = due.slice(0, Math.ceil(open / 2))
    return [...best, ...this.#atRandom(due.slice(best.length), open - best.length)]
  }

  /** Those that were not dialled in vain before the others. */
  #atRandom(due: UpkeepCandidate[], most: number): UpkeepCandidate[] {
    return due
      .map((candidate) => ({ candidate, tries: this.#lost.get(candidate.peerId)?.tries ?? 0 }))
      .map((one) => ({ ...one, order: this.#init.random() }))
      .toSorted((a, b) => a.tries - b.tries || a.order - b.order)
      .slice(0, Math.max(0, most))
      .map(({ candidate }) => candidate)
  }

  /**
   * One that is out of view: not connected and, since it was lost, not heard of; in a wave, one that was lost. Its
   * back-off does not count here.
   */
  #missing(free: UpkeepCandidate[]): string | undefined {
    if (this.#wave === 0) this.#noteReturns(free)
    const isWave = this.#wave > 0
    const missing = free.filter(({ peerId }) => {
      const lost = this.#lost.get(peerId)
      if (isWave) return lost !== undefined && !this.#triedInWave.has(peerId)
      return !this.#init.isHeardSince(peerId, lost?.atMs ?? 0)
    })
    const [chosen] = this.#atRandom(missing, 1)
    this.#wave = chosen === undefined ? 0 : Math.max(0, this.#wave - 1)
    if (isWave && chosen !== undefined) this.#triedInWave.add(chosen.peerId)
    if (this.#wave === 0) this.#triedInWave.clear()
    return chosen?.peerId
  }

  /**
   * Several that were lost are heard of again, through somebody else's link. One alone has been started again and makes
   * its own links.
   */
  #noteReturns(free: UpkeepCandidate[]): void {
    const returned = free.filter(({ peerId }) => {
      const atMs = this.#lost.get(peerId)?.atMs ?? 0
      return atMs > 0 && this.#init.isHeardSince(peerId, atMs)
    })
    if (returned.length >= fewestReturns) this.#beginWave()
    else for (const { peerId } of returned) this.#lost.delete(peerId)
  }

  /** One that was lost is back; perhaps its whole side of a partition is. */
  #beginWave(): void {
    if (this.#init.now() < this.#restUntilMs) return
    this.#wave = this.#init.randomDegree
    this.#restUntilMs = this.#init.now() + this.#init.reunionMs
    this.#reunionAtMs = Math.min(this.#reunionAtMs, this.#in(waveMs, 0.5))
  }

  #keep(known: Set<string>): void {
    this.#backOff.keep(known)
    for (const peer of this.#lost.keys()) if (!known.has(peer)) this.#lost.delete(peer)
  }

  #in(ms: number, jitter: number): number {
    const { now, random } = this.#init
    return now() + ms * (1 - jitter + 2 * jitter * random())
  }
}
