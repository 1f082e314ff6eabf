import type { PathClass } from '../routing/path-class.ts'
import type { PathKnobs } from './knobs.ts'

/** One connection to a peer, as the choice of paths sees it. Times are milliseconds of a clock that never goes back. */
export class Way {
  readonly id: string
  readonly path: PathClass
  readonly openedMs: number
  /** Last sign of life from the other side. */
  heardMs: number
  /** The echo that is on its way; the wait for it counts from `countMs`. Once doubted, others are asked as well. */
  echo: { sequence: number; sentMs: number; countMs: number; isShared: boolean } | undefined
  /** Round trip of the last echo. */
  rttMs: number | undefined
  tunnels = 0
  isSilent = false
  /** Nobody answers echoes there: it is judged by its end alone. */
  isMute = false
  /** Preferred over another one that works from then on. */
  trustedMs: number
  /** Since when another way has been better, and this one idle. */
  idleSinceMs: number | undefined
  /** An echo is due whatever the rhythm says. */
  isAsked = false

  constructor(id: string, path: PathClass, nowMs: number, trustedMs: number) {
    this.id = id
    this.path = path
    this.openedMs = nowMs
    this.heardMs = nowMs
    this.trustedMs = trustedMs
  }

  /** When the next echo leaves. */
  echoDueMs(everyMs: number): number {
    if (this.isMute || this.echo !== undefined) return Infinity
    return this.isAsked ? Number.NEGATIVE_INFINITY : this.heardMs + everyMs
  }

  /** For how long an echo has been waited for. */
  waitedMs(nowMs: number): number {
    return this.echo === undefined ? 0 : nowMs - this.echo.countMs
  }

  isDoubted(nowMs: number, { doubtMs }: PathKnobs): boolean {
    return this.isSilent || this.waitedMs(nowMs) >= doubtMs
  }

  /** @returns whether it was silent before */
  hear(nowMs: number): boolean {
    this.heardMs = nowMs
    // Payload says as much as an answer that is stuck behind it in the buffers of the other side.
    if (this.echo !== undefined) this.echo.countMs = nowMs
    const wasSilent = this.isSilent
    this.isSilent = false
    return wasSilent
  }
}
