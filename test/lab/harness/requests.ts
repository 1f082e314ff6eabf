import { toMeshError } from '@agent-mesh/wire'
import type { Member } from './member.ts'
import { openEcho } from './echo-call.ts'

interface Request {
  beganMs: number
  endedMs?: number
  /** Absent where it was answered. */
  code?: string
}

const everyMs = 250
/** Enough for all that one deadline of a node may keep waiting. */
const mostAtOnce = 80

/** One member asks another again and again, each time through a new tunnel, whatever became of those before. */
export class Requests {
  readonly #from: Member
  readonly #to: Member
  readonly #made: Request[] = []
  readonly #stopping = new AbortController()
  readonly #timer: NodeJS.Timeout
  #open = 0
  readonly #wrong: string[] = []

  constructor(from: Member, to: Member) {
    this.#from = from
    this.#to = to
    this.#timer = setInterval(() => void this.#ask(), everyMs)
  }

  async #ask(): Promise<void> {
    if (this.#open >= mostAtOnce) return
    const request: Request = { beganMs: performance.now() }
    this.#made.push(request)
    this.#open++
    try {
      const call = await openEcho(this.#from, this.#to, this.#stopping.signal)
      if (call.name !== this.#to.name) this.#wrong.push(call.name)
      call.close()
    } catch (err) {
      request.code = toMeshError(err).code
    } finally {
      this.#open--
      if (!this.#stopping.signal.aborted) request.endedMs = performance.now()
    }
  }

  /** When the first request after a moment was answered, counted from that moment; undefined where none was in time. */
  async firstAnswer(sinceMs: number, withinMs: number): Promise<number | undefined> {
    for (;;) {
      const answered = this.#made.filter(
        ({ beganMs, endedMs, code }) => beganMs >= sinceMs && endedMs !== undefined && code === undefined
      )
      const firstMs = Math.min(...answered.map(({ endedMs = Infinity }) => endedMs - sinceMs))
      if (firstMs <= withinMs) return firstMs
      if (performance.now() - sinceMs > withinMs) return undefined
      await new Promise((resolve) => {
        setTimeout(resolve, 20)
      })
    }
  }

  /** Milliseconds of the longest request, those included that have not ended. */
  longestMs(): number {
    const nowMs = performance.now()
    return Math.max(0, ...this.#made.map(({ beganMs, endedMs = nowMs }) => endedMs - beganMs))
  }

  /** How many failed, by code. */
  codes(): string {
    const counts = new Map<string, number>()
    for (const { code, endedMs } of this.#made)
      if (code !== undefined && endedMs !== undefined) counts.set(code, (counts.get(code) ?? 0) + 1)
    return [...counts].map(([code, count]) => `${count} ${code}`).join(', ') || 'none'
  }

  /** Whoever answered in the place of the one that was asked. */
  get wrong(): readonly string[] {
    return this.#wrong
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#stopping.abort()
  }
}
