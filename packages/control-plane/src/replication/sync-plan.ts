import { limits } from '@agent-mesh/wire'

export interface SyncPlanInit {
  /** Milliseconds; only differences matter. */
  now: () => number
  /** At least 0, below 1. */
  random: () => number
  /** This node's own peer id. */
  self: string
  /** Members that can be asked at this moment. */
  members: () => string[]
  /** What a member was last heard to hold is not what is held here. */
  differs: (peer: string) => boolean
  /** Default: limits.syncIntervalMs. */
  intervalMs?: number
}

/** Comparisons that this node has under way at once. */
export const mostAtOnce = 4
/** The side with the higher peer id waits this long for the other one to begin. */
const fallbackMs = 2_000
/** Longest time over which those who hear an announcement spread their questions; for few members it is shorter. */
const spreadMs = 250
const spreadPerMemberMs = 10
/** One holder that does not answer must not keep the others from being asked. */
const hedgeMs = 500
/**
 * A neighbour that passed on what a member said that is not connected to this node may not hold it yet itself. It calls
 * back, so it is asked again only in case that it does not: each comparison in vain costs as much as one that brings it.
 */
const firstHintMs = 600
const mostHintTries = 3
/** Such neighbours that are asked; more of them bring no more. */
const mostHints = 3
/** When one had it neither at the second question, somebody at random is asked as well. */
const hearsayMs = 300
const firstRestMs = 2_000
const longestRestMs = 60_000

/** Who asked so long ago for what was not held here yet is called back when it is. */
const callBackMs = 10_000
/**
 * Gossip that has just begun passes a message on only at its next beat, each second. So whoever took something over
 * brings it to a few neighbours of which it does not know that they hold it, when they should have had it long ago.
 */
const offerMs = 1_000
const mostOffers = 3

interface Hint {
  /** Who holds something else. */
  author: string
  tries: number
  atMs: number
}

interface Rest {
  times: number
  untilMs: number
}

/**
 * Whom to compare with, and when. Three reasons: a member arrived, a member said that it holds something else, or it is
 * time for one at random. Events and time go in, peers come out.
 */
export class SyncPlan {
  readonly #init: SyncPlanInit
  readonly #intervalMs: number
  /** Members that arrived and were not compared with, and when to begin. */
  readonly #arrivals = new Map<string, number>()
  /** Members that said that they hold something else. */
  readonly #heard = new Set<string>()
  /** Neighbours through which it was heard that somebody else holds something else. */
  readonly #hints = new Map<string, Hint>()
  /** Members that asked here, and when. */
  readonly #askers = new Map<string, number>()
  readonly #callBacks = new Set<string>()
  readonly #running = new Set<string>()
  readonly #rests = new Map<string, Rest>()
  #askAtMs = Number.POSITIVE_INFINITY
  #offerAtMs = Number.POSITIVE_INFINITY
  #turnAtMs: number

  constructor(init: SyncPlanInit) {
    this.#init = init
    this.#intervalMs = init.intervalMs ?? limits.syncIntervalMs
    this.#turnAtMs = this.#nextTurn()
  }

  /** A member arrived. One side has to begin: the one with the lower peer id; the other sees to it. */
  arrived(peer: string): void {
    const { now, self } = this.#init
    this.#rests.delete(peer)
    this.#arrivals.set(peer, now() + (self < peer ? 0 : fallbackMs))
  }

  left(peer: string): void {
    this.#arrivals.delete(peer)
    this.#heard.delete(peer)
    this.#hints.delete(peer)
    this.#rests.delete(peer)
  }

  /** A member that can be asked holds something else. */
  heard(peer: string): void {
    this.#heard.add(peer)
    this.#askAtMs = Math.min(this.#askAtMs, this.#init.now() + this.#spread())
  }

  /** So does one that cannot be asked, as a neighbour passed on that is nearer to it and will have it sooner. */
  heardThrough(neighbour: string, author: string): void {
    if (this.#hints.size >= mostHints || this.#hints.has(neighbour)) return
    this.#hints.set(neighbour, { author, tries: 0, atMs: this.#init.now() + this.#spread() })
  }

  /** The other side began, and it ended well. */
  wasAsked(peer: string): void {
    this.#arrivals.delete(peer)
    this.#askers.delete(peer)
    this.#askers.set(peer, this.#init.now())
  }

  /** Something was taken over: those who asked for it in vain a moment ago need not ask again. */
  tookOver(): void {
    const nowMs = this.#init.now()
    for (const [peer, atMs] of this.#askers) if (nowMs - atMs <= callBackMs) this.#callBacks.add(peer)
    this.#askers.clear()
    this.#offerAtMs = nowMs + offerMs * (0.75 + 0.5 * this.#init.random())
  }

  began(peer: string): void {
    this.#running.add(peer)
  }

  ended(peer: string, isDone: boolean): void {
    const nowMs = this.#init.now()
    this.#running.delete(peer)
    this.#callBacks.delete(peer)
    this.#heard.delete(peer)
    if (this.#heard.size > 0) this.#askAtMs = Math.min(this.#askAtMs, nowMs + this.#spread())
    this.#askAgain(peer)
    if (isDone) {
      this.#arrivals.delete(peer)
      this.#rests.delete(peer)
      return
    }
    const times = (this.#rests.get(peer)?.times ?? 0) + 1
    const restMs = Math.min(longestRestMs, firstRestMs * 2 ** (times - 1))
    this.#rests.set(peer, { times, untilMs: nowMs + restMs })
    if (this.#arrivals.has(peer)) this.#arrivals.set(peer, nowMs + restMs)
  }

  /** Whom to ask now; each of them has to be told to have begun. */
  due(): string[] {
    const nowMs = this.#init.now()
    const members = new Set(this.#init.members())
    this.#forgetAbsent(members)
    if (this.#offerAtMs <= nowMs) this.#offer(members)
    const chosen = [...this.#arrivals]
      .filter(([peer, atMs]) => atMs <= nowMs && !this.#running.has(peer))
      .toSorted(([, a], [, b]) => a - b)
      .map(([peer]) => peer)
      .slice(0, this.#free())
    chosen.push(...this.#dueCallBacks(chosen))
    chosen.push(...this.#dueHints(chosen, nowMs))
    if (this.#askAtMs <= nowMs && chosen.length < this.#free()) chosen.push(...this.#chooseHolder(chosen, nowMs))
    if (this.#turnAtMs <= nowMs && chosen.length < this.#free()) {
      this.#turnAtMs = this.#nextTurn()
      chosen.push(...this.#pick([...members].filter((peer) => this.#isFree(peer, chosen, nowMs))))
    }
    return chosen
  }

  /** When to look again; infinite where only an event can bring something. */
  nextMs(): number {
    if (this.#free() === 0) return Number.POSITIVE_INFINITY
    const arrivals = [...this.#arrivals].filter(([peer]) => !this.#running.has(peer)).map(([, atMs]) => atMs)
    const hints = [...this.#hints].filter(([peer]) => !this.#running.has(peer)).map(([, { atMs }]) => atMs)
    const hasCallBack = [...this.#callBacks].some((peer) => !this.#running.has(peer))
    const waits = [this.#askAtMs, this.#offerAtMs, this.#turnAtMs]
    return Math.min(...waits, ...arrivals, ...hints, ...(hasCallBack ? [this.#init.now()] : []))
  }

  /** Any of the holders, so that not everybody asks the author. */
  #chooseHolder(chosen: string[], nowMs: number): string[] {
    for (const peer of this.#heard) if (!this.#init.differs(peer)) this.#heard.delete(peer)
    const picked = this.#pick([...this.#heard].filter((peer) => this.#isFree(peer, chosen, nowMs)))
    const isLast = this.#heard.size <= picked.length
    this.#askAtMs = isLast ? Number.POSITIVE_INFINITY : nowMs + hedgeMs + this.#spread()
    return picked
  }

  #offer(members: Set<string>): void {
    this.#offerAtMs = Number.POSITIVE_INFINITY
    const lacking = [...members].filter((peer) => this.#init.differs(peer) && !this.#callBacks.has(peer))
    for (let offers = 0; offers < mostOffers; offers++) {
      const [peer] = this.#pick(lacking)
      if (peer === undefined) return
      lacking.splice(lacking.indexOf(peer), 1)
      this.#callBacks.add(peer)
    }
  }

  #dueCallBacks(chosen: string[]): string[] {
    for (const peer of this.#callBacks) if (!this.#init.differs(peer)) this.#callBacks.delete(peer)
    return [...this.#callBacks]
      .filter((peer) => !this.#running.has(peer) && !chosen.includes(peer))
      .slice(0, this.#free() - chosen.length)
  }

  #dueHints(chosen: string[], nowMs: number): string[] {
    for (const [peer, { author }] of this.#hints) if (!this.#init.differs(author)) this.#hints.delete(peer)
    return [...this.#hints]
      .filter(([peer, { atMs }]) => atMs <= nowMs && !this.#running.has(peer) && !chosen.includes(peer))
      .map(([peer]) => peer)
      .slice(0, this.#free() - chosen.length)
  }

  /** A neighbour that did not have it yet is asked again, later each time. */
  #askAgain(peer: string): void {
    const hint = this.#hints.get(peer)
    if (hint === undefined) return
    const { now, random, differs } = this.#init
    const tries = hint.tries + 1
    const isLacking = differs(hint.author)
    if (tries < mostHintTries && isLacking)
      this.#hints.set(peer, { ...hint, tries, atMs: now() + firstHintMs * 2 ** hint.tries })
    else this.#hints.delete(peer)
    if (tries > 1 && isLacking) this.#turnAtMs = Math.min(this.#turnAtMs, now() + hearsayMs * (0.5 + random()))
  }

  #forgetAbsent(members: Set<string>): void {
    for (const known of [this.#arrivals, this.#heard, this.#hints, this.#rests, this.#askers, this.#callBacks])
      for (const peer of known.keys()) if (!members.has(peer)) known.delete(peer)
  }

  #isFree(peer: string, chosen: string[], nowMs: number): boolean {
    return !this.#running.has(peer) && !chosen.includes(peer) && (this.#rests.get(peer)?.untilMs ?? nowMs) <= nowMs
  }

  #pick(peers: string[]): string[] {
    const picked = peers[Math.floor(this.#init.random() * peers.length)]
    return picked === undefined ? [] : [picked]
  }

  #free(): number {
    return Math.max(0, mostAtOnce - this.#running.size)
  }

  #spread(): number {
    const { random, members } = this.#init
    return random() * Math.min(spreadMs, spreadPerMemberMs * members().length)
  }

  /** Not all at one moment, where all were started at one. */
  #nextTurn(): number {
    const { now, random } = this.#init
    return now() + this.#intervalMs * (0.75 + 0.5 * random())
  }
}
