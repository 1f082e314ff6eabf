import type { ErrorCode } from '@agent-mesh/wire'
import type { AttemptKind } from './attempt.ts'

interface Outcome {
  code: ErrorCode | undefined
  atMs: number
}

/** Attempts that are due or under way, each kind at most once, and what became of those before. */
export class Round {
  readonly #staggerMs: number
  readonly #waiting = new Map<AttemptKind, number>()
  readonly #running = new Set<AttemptKind>()
  readonly #outcomes = new Map<AttemptKind, Outcome>()
  lastMs = Number.NEGATIVE_INFINITY

  constructor(staggerMs: number) {
    this.#staggerMs = staggerMs
  }

  get isIdle(): boolean {
    return this.#waiting.size === 0 && this.#running.size === 0
  }

  get nextMs(): number {
    return Math.min(Infinity, ...this.#waiting.values())
  }

  /** Each begins `staggerMs` after the one before. */
  add(kinds: readonly AttemptKind[], nowMs: number, staggerMs = this.#staggerMs): void {
    let atMs = nowMs
    for (const kind of kinds) {
      if (this.#running.has(kind)) continue
      this.#waiting.set(kind, Math.min(atMs, this.#waiting.get(kind) ?? Infinity))
      atMs += staggerMs
    }
  }

  /** What begins at this moment. */
  due(nowMs: number): AttemptKind[] {
    const due = [...this.#waiting].filter(([, atMs]) => atMs <= nowMs).map(([kind]) => kind)
    for (const kind of due) {
      this.#waiting.delete(kind)
      this.#running.add(kind)
      this.lastMs = nowMs
    }
    return due
  }

  /** After a failure the next one need not wait. */
  ended(kind: AttemptKind, code: ErrorCode | undefined, nowMs: number): void {
    if (!this.#running.delete(kind)) return
    this.#outcomes.set(kind, { code, atMs: nowMs })
    const [next] = [...this.#waiting].toSorted(([, a], [, b]) => a - b)
    if (code !== undefined && next !== undefined) this.#waiting.set(next[0], nowMs)
  }

  /** Nothing more is needed; what runs is left to end. */
  clear(): void {
    this.#waiting.clear()
  }

  outcome(kind: AttemptKind, nowMs: number): string {
    if (this.#running.has(kind)) return 'being tried'
    const last = this.#outcomes.get(kind)
    if (last === undefined) return 'not tried yet'
    return `${last.code ?? 'worked'} ${Math.max(0, Math.round((nowMs - last.atMs) / 1_000))} s ago`
  }
}
