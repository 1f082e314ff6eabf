import type { ErrorCode } from '@agent-mesh/wire'
import { comparePaths, type PathClass } from '../routing/path-class.ts'
import { betterAttempts, type AttemptKind } from './attempt.ts'
import { Grudges } from './grudges.ts'
import { pathDefaults, type PathKnobs } from './knobs.ts'
import { Round } from './round.ts'
import { UpgradeSchedule } from './upgrade-schedule.ts'
import { Way } from './way.ts'

export type PathEvent =
  | { is: 'opened'; id: string; path: PathClass }
  | { is: 'closed'; id: string }
  | { is: 'answered'; id: string; sequence: number }
  /** The other side does not know echoes. */
  | { is: 'mute'; id: string }
  /** Payload came on it. */
  | { is: 'heard'; id: string }
  | { is: 'busy'; id: string; tunnels: number }
  /** Somebody opens a tunnel to the peer. */
  | { is: 'wanted' }
  /** A person waits for a better path. */
  | { is: 'hurried' }
  /** Without a code it has led to a connection. */
  | { is: 'attempt-ended'; kind: AttemptKind; code?: ErrorCode }
  /** Interfaces or addresses of this machine are others. */
  | { is: 'moved' }

export type PathAction =
  | { do: 'echo'; id: string; sequence: number }
  | { do: 'attempt'; kind: AttemptKind }
  /** An echo stays away longer than it should; it may still come. */
  | { do: 'doubted'; id: string }
  | { do: 'close'; id: string; why: 'zombie' | 'superseded' }
  | { do: 'preferred'; id: string | undefined; path: PathClass | undefined; before: PathClass | undefined }

export interface PathPlanInit extends Partial<PathKnobs> {
  /** What this node can try. */
  kinds: readonly AttemptKind[]
  /** Relayed paths carry no tunnels; what they help to set up may. */
  isDirectOnly?: boolean
  /** At least 0, below 1. */
  random: () => number
}

/** What is known of the path to a peer. */
export interface PathStanding {
  /** Connection for the next tunnel; undefined where a new one has to be opened. */
  id?: string
  path?: PathClass
  /** Why it is not better; undefined where nothing would be. */
  reason?: string
}

/**
 * Which of the connections to one peer the next tunnel takes, and what is tried to get a better one: events and time go
 * in, actions come out. Every call may be followed by one of `tick`, at {@link PathPlan.nextAtMs}.
 *
 * A better class is taken as soon as it is there, unless that class failed of late: then it has to work for a while. A way
 * whose echo stays away is doubted, then silent and not used any more, then closed as a zombie.
 */
export class PathPlan {
  readonly #knobs: PathKnobs
  readonly #init: PathPlanInit
  readonly #ways = new Map<string, Way>()
  readonly #upgrades: UpgradeSchedule
  readonly #grudges: Grudges
  readonly #round: Round
  #preferred: Way | undefined
  #wantedMs = Number.NEGATIVE_INFINITY
  #movedMs = Number.NEGATIVE_INFINITY
  #sequence = 0
  /** The last way was given up; a peer that went by itself is not looked for. */
  #isLost = false
  #rescues = 0
  #rescueAtMs = Number.NEGATIVE_INFINITY
  #dueMs = Infinity

  constructor(init: PathPlanInit) {
    this.#init = init
    this.#knobs = { ...pathDefaults, ...init }
    this.#upgrades = new UpgradeSchedule(this.#knobs, init.random)
    this.#grudges = new Grudges(this.#knobs)
    this.#round = new Round(this.#knobs.staggerMs)
  }

  handle(event: PathEvent, nowMs: number): PathAction[] {
    this.#take(event, nowMs)
    return this.#look(nowMs)
  }

  tick(nowMs: number): PathAction[] {
    const lateMs = nowMs - this.#dueMs
    // Who did not look could not hear either; what was on its way gets the time back.
    if (lateMs > this.#knobs.lagMs)
      for (const { echo } of this.#ways.values()) if (echo !== undefined) echo.countMs += lateMs
    return this.#look(nowMs)
  }

  /** When something is due by itself; Infinity where nothing is. */
  get nextAtMs(): number {
    return this.#dueMs
  }

  /** Nothing is left to look after. */
  get isOver(): boolean {
    return this.#ways.size === 0 && this.#round.isIdle && !this.#isRescuing
  }

  rttMs(id: string): number | undefined {
    return this.#ways.get(id)?.rttMs
  }

  standing(nowMs: number): PathStanding {
    const way = this.#preferred
    const reason = this.#reason(nowMs)
    return {
      ...(way === undefined ? {} : { id: way.id, path: way.path }),
      ...(reason === undefined ? {} : { reason })
    }
  }

  #take(event: PathEvent, nowMs: number): void {
    switch (event.is) {
      case 'opened': {
        const trustedMs = nowMs + this.#grudges.proofMs(event.path, nowMs)
        this.#ways.set(event.id, new Way(event.id, event.path, nowMs, trustedMs))
        this.#rescues = 0
        this.#isLost = false
        break
      }
      case 'closed':
        this.#closed(event.id, nowMs)
        break
      case 'answered':
        this.#answered(event.id, event.sequence, nowMs)
        break
      case 'mute':
        this.#mute(event.id)
        break
      case 'heard':
        this.#heard(this.#ways.get(event.id), nowMs)
        break
      case 'busy': {
        const way = this.#ways.get(event.id)
        if (way !== undefined) way.tunnels = event.tunnels
        break
      }
      case 'wanted':
        this.#wantedMs = nowMs
        if (this.#preferred !== undefined && nowMs - this.#preferred.heardMs > this.#knobs.echoMs)
          this.#preferred.isAsked = true
        break
      case 'hurried':
        this.#wantedMs = nowMs
        this.#upgrades.hurry(this.#round.lastMs + this.#knobs.upgradeMs / 3)
        break
      case 'attempt-ended':
        this.#round.ended(event.kind, event.code, nowMs)
        break
      case 'moved':
        this.#movedMs = nowMs
        for (const way of this.#ways.values()) way.isAsked = true
        if (this.#upgrades.isRunning) this.#upgrades.restart(nowMs)
    }
  }

  #closed(id: string, nowMs: number): void {
    const way = this.#ways.get(id)
    if (way === undefined) return
    this.#ways.delete(id)
    // A close that nobody expected is a failure of the path only where tunnels ran on it.
    if (!way.isSilent && way.tunnels > 0) this.#grudges.failed(way.path, nowMs)
  }

  #answered(id: string, sequence: number, nowMs: number): void {
    const way = this.#ways.get(id)
    if (way?.echo?.sequence !== sequence) return
    way.rttMs = nowMs - way.echo.sentMs
    way.echo = undefined
    this.#heard(way, nowMs)
  }

  #heard(way: Way | undefined, nowMs: number): void {
    if (way === undefined) return
    if (way.hear(nowMs)) way.trustedMs = nowMs + this.#grudges.proofMs(way.path, nowMs)
  }

  #mute(id: string): void {
    const way = this.#ways.get(id)
    if (way === undefined) return
    way.isMute = true
    way.isSilent = false
    way.echo = undefined
  }

  #look(nowMs: number): PathAction[] {
    const actions: PathAction[] = []
    this.#judge(nowMs, actions)
    this.#prefer(nowMs, actions)
    this.#echo(nowMs, actions)
    this.#tryOut(nowMs, actions)
    this.#dueMs = this.#next(nowMs)
    return actions
  }

  /** What of the ways is silent, dead or not needed. */
  #judge(nowMs: number, actions: PathAction[]): void {
    for (const way of this.#ways.values()) {
      const { id, path } = way
      if (way.isDoubted(nowMs, this.#knobs)) this.#doubt(way, actions)
      const silentForMs = way.waitedMs(nowMs)
      if (!way.isSilent && silentForMs >= this.#silentAfterMs(way)) {
        way.isSilent = true
        this.#rescueAtMs = nowMs
        this.#grudges.failed(path, nowMs)
        this.#upgrades.restart(nowMs, this.#knobs.upgradeMs)
      }
      if (way.trustedMs > nowMs && way.isDoubted(nowMs, this.#knobs))
        way.trustedMs = nowMs + this.#grudges.proofMs(path, nowMs)
      const isDead = way.isSilent && (way.openedMs < this.#movedMs || silentForMs >= this.#knobs.zombieMs)
      const isNotNeeded = way.idleSinceMs !== undefined && nowMs - way.idleSinceMs >= this.#knobs.lingerMs
      if (!isDead && !isNotNeeded) continue
      this.#ways.delete(id)
      this.#isLost ||= isDead && this.#ways.size === 0
      actions.push({ do: 'close', id, why: isDead ? 'zombie' : 'superseded' })
    }
  }

  /** What made one way silent may have done so to others, and that has to be known when they are needed. */
  #doubt({ id, echo }: Way, actions: PathAction[]): void {
    if (echo === undefined || echo.isShared) return
    echo.isShared = true
    actions.push({ do: 'doubted', id })
    for (const other of this.#ways.values())
      if (other.id !== id && other.heardMs < echo.sentMs && other.echo === undefined) other.isAsked = true
  }

  #silentAfterMs({ openedMs }: Way): number {
    return openedMs < this.#movedMs ? this.#knobs.movedSilentMs : this.#knobs.silentMs
  }

  #mayCarry({ path, isSilent }: Way): boolean {
    return !isSilent && !(this.#init.isDirectOnly === true && path === 'relayed')
  }

  #prefer(nowMs: number, actions: PathAction[]): void {
    const before = this.#preferred
    const usable = [...this.#ways.values()].filter((way) => this.#mayCarry(way))
    const current = before !== undefined && usable.includes(before) ? before : undefined
    // Without one that works there is nothing to wait for.
    const isTrusted = (way: Way): boolean => way.trustedMs <= nowMs
    const trusted = usable.some(isTrusted) || current !== undefined ? usable.filter(isTrusted) : usable
    const isDoubted = (way: Way): number => Number(way.isDoubted(nowMs, this.#knobs))
    const [best] = trusted.toSorted(
      (a, b) => isDoubted(a) - isDoubted(b) || comparePaths(a.path, b.path) || b.openedMs - a.openedMs
    )
    if (best !== undefined && (current === undefined || this.#isBetter(best, current))) this.#preferred = best
    else this.#preferred = current
    const preferred = this.#preferred
    if (preferred !== before)
      actions.push({ do: 'preferred', id: preferred?.id, path: preferred?.path, before: before?.path })
    for (const way of this.#ways.values()) {
      // Both sides agree on these; of two direct ones each might close the one that the other uses.
      const isWorse = way.path === 'relayed' || way.path === 'webrtc'
      const isIdle =
        isWorse && preferred !== undefined && way.tunnels === 0 && comparePaths(way.path, preferred.path) > 0
      way.idleSinceMs = isIdle && preferred.trustedMs <= nowMs ? (way.idleSinceMs ?? nowMs) : undefined
    }
  }

  /** Of one class the younger one only where the older has given no sign of life since: the peer may have moved. */
  #isBetter(one: Way, current: Way): boolean {
    const difference = comparePaths(one.path, current.path)
    return difference < 0 || (difference === 0 && one.openedMs > current.heardMs)
  }

  #isActive(nowMs: number): boolean {
    if (nowMs - this.#wantedMs < this.#knobs.activeMs) return true
    return [...this.#ways.values()].some(({ tunnels }) => tunnels > 0)
  }

  /** Between echoes on a way; none where nobody uses the peer. */
  #rhythmMs(way: Way, nowMs: number): number {
    if (way.isSilent) return this.#knobs.echoMs
    if (!this.#isActive(nowMs)) return Infinity
    const isInUse = way === this.#preferred || way.tunnels > 0 || way.trustedMs > nowMs
    return isInUse ? this.#knobs.echoMs : this.#knobs.spareEchoMs
  }

  #echo(nowMs: number, actions: PathAction[]): void {
    for (const way of this.#ways.values()) {
      if (way.echoDueMs(this.#rhythmMs(way, nowMs)) > nowMs) continue
      way.isAsked = false
      way.echo = { sequence: ++this.#sequence, sentMs: nowMs, countMs: nowMs, isShared: false }
      actions.push({ do: 'echo', id: way.id, sequence: way.echo.sequence })
    }
  }

  /** The way in use is doubted, or there is none, and somebody wants one. */
  #isInNeed(nowMs: number): boolean {
    if (!this.#isActive(nowMs) || (this.#ways.size === 0 && !this.#isLost)) return false
    return ![...this.#ways.values()].some((way) => this.#mayCarry(way) && !way.isDoubted(nowMs, this.#knobs))
  }

  get #isRescuing(): boolean {
    return this.#rescues > 0
  }

  #tryOut(nowMs: number, actions: PathAction[]): void {
    const { kinds } = this.#init
    if (!this.#isInNeed(nowMs)) {
      this.#rescues = 0
      this.#rescueAtMs = Number.NEGATIVE_INFINITY
    } else if (nowMs >= this.#rescueAtMs) {
      const { retryMs, mostRetryMs } = this.#knobs
      this.#rescueAtMs = nowMs + Math.min(mostRetryMs, retryMs * 2 ** this.#rescues)
      this.#rescues++
      // A doubt alone is worth a relay; another direct one each time that a peer stands still would add up.
      const isLost = [...this.#ways.values()].every((way) => !this.#mayCarry(way))
      this.#round.add((isLost ? ['relayed', 'direct'] : ['relayed']).filter(isAmong(kinds)), nowMs, 0)
    }
    this.#upgrade(nowMs)
    for (const kind of this.#round.due(nowMs)) actions.push({ do: 'attempt', kind })
  }

  #upgrade(nowMs: number): void {
    const path = this.#bestPath()
    const wanted = path === undefined ? [] : betterAttempts(path).filter(isAmong(this.#init.kinds))
    if (wanted.length === 0) {
      this.#upgrades.stop()
      if (!this.#isRescuing) this.#round.clear()
      return
    }
    if (!this.#upgrades.isRunning) this.#upgrades.restart(nowMs, this.#init.random() * 500)
    // While a better way proves itself nothing else is tried.
    const isProving = [...this.#ways.values()].some((way) => this.#mayCarry(way) && way.trustedMs > nowMs)
    if (isProving && !this.#isRescuing) this.#round.clear()
    if (nowMs < this.#upgrades.nextMs) return
    this.#upgrades.began(nowMs)
    if (!isProving) this.#round.add(wanted, nowMs)
  }

  /** Of the ways that work, whether or not they may carry tunnels. */
  #bestPath(): PathClass | undefined {
    const [best] = [...this.#ways.values()]
      .filter(({ isSilent }) => !isSilent)
      .toSorted((a, b) => comparePaths(a.path, b.path))
    return this.#preferred?.path ?? best?.path
  }

  #next(nowMs: number): number {
    const { doubtMs, zombieMs, lingerMs } = this.#knobs
    const times = [this.#upgrades.nextMs, this.#round.nextMs]
    if (this.#isInNeed(nowMs)) times.push(this.#rescueAtMs)
    for (const way of this.#ways.values()) {
      times.push(way.echoDueMs(this.#rhythmMs(way, nowMs)))
      if (way.trustedMs > nowMs) times.push(way.trustedMs)
      if (way.idleSinceMs !== undefined) times.push(way.idleSinceMs + lingerMs)
      if (way.echo === undefined) continue
      const { countMs } = way.echo
      if (!way.isDoubted(nowMs, this.#knobs)) times.push(countMs + doubtMs)
      times.push(countMs + (way.isSilent ? zombieMs : this.#silentAfterMs(way)))
    }
    return Math.max(Math.min(...times), nowMs)
  }

  #reason(nowMs: number): string | undefined {
    const path = this.#bestPath()
    const silent = [...this.#ways.values()].find(({ isSilent }) => isSilent)
    const lost = silent === undefined ? [] : [`the ${silent.path} path is silent`]
    if (path === undefined) return lost[0]
    const kinds = betterAttempts(path)
    if (kinds.length === 0) return undefined
    const proving = [...this.#ways.values()].find(
      (way) => this.#mayCarry(way) && way.trustedMs > nowMs && comparePaths(way.path, path) < 0
    )
    if (proving !== undefined) return `a ${proving.path} path failed of late and has to prove itself`
    const tried = kinds.map((kind) =>
      this.#init.kinds.includes(kind) ? `${kind}: ${this.#round.outcome(kind, nowMs)}` : `${kind}: not possible here`
    )
    const nextS = Math.max(0, Math.round((this.#upgrades.nextMs - nowMs) / 1_000))
    const next = this.#upgrades.isRunning ? [`tried again in ${nextS} s`] : []
    return [...lost, ...tried, ...next].join('; ')
  }
}

const isAmong =
  (kinds: readonly AttemptKind[]) =>
  (kind: string): kind is AttemptKind =>
    kinds.some((one) => one === kind)
