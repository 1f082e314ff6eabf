import { limits, type ErrorCode } from '@agent-mesh/wire'
import { BoundedMap } from './bounded-map.ts'

/** That a peer refused us, or we it, and how long it is not dialled for that. */
export interface Refusal {
  code: ErrorCode
  reason: string
  /** Refusals in a row. */
  times: number
  untilMs: number
}

export interface RefusalMemoryInit {
  now: () => number
  backoffMs?: number
  backoffMaxMs?: number
  peers?: number
}

/**
 * Peers that are left alone for a while. The pause doubles with every refusal in a row, up to a maximum; a row ends
 * when a peer admits us, or when twice its pause has passed without another refusal.
 */
export class RefusalMemory {
  readonly #refusals: BoundedMap<string, Refusal & { pauseMs: number }>
  readonly #now: () => number
  readonly #backoffMs: number
  readonly #backoffMaxMs: number

  constructor({
    now,
    backoffMs = limits.refusalBackoffMs,
    backoffMaxMs = limits.refusalBackoffMaxMs,
    peers = limits.refusalsRemembered
  }: RefusalMemoryInit) {
    this.#now = now
    this.#backoffMs = backoffMs
    this.#backoffMaxMs = backoffMaxMs
    this.#refusals = new BoundedMap(peers)
  }

  /** @param retryAfterMs - what the peer asked for; a longer pause than ours is kept, up to the maximum */
  note(peer: string, code: ErrorCode, reason: string, retryAfterMs = 0): Refusal {
    const nowMs = this.#now()
    const earlier = this.#refusals.get(peer)
    const isInRow = earlier !== undefined && nowMs < earlier.untilMs + earlier.pauseMs
    const times = isInRow ? earlier.times + 1 : 1
    const ours = this.#backoffMs * 2 ** Math.min(times - 1, 30)
    const pauseMs = Math.min(this.#backoffMaxMs, Math.max(ours, retryAfterMs))
    const refusal = { code, reason, times, pauseMs, untilMs: nowMs + pauseMs }
    this.#refusals.set(peer, refusal)
    return refusal
  }

  /** The refusal for which the peer is still left alone. */
  get(peer: string): Refusal | undefined {
    const refusal = this.#refusals.get(peer)
    if (refusal === undefined) return undefined
    const leftMs = refusal.untilMs - this.#now()
    // more is left than there was at first when the clock was set back
    return leftMs > 0 && leftMs <= refusal.pauseMs ? refusal : undefined
  }

  forget(peer: string): void {
    this.#refusals.delete(peer)
  }

  /** Forgets all, such as after this node got another certificate. */
  clear(): void {
    this.#refusals.clear()
  }

  get size(): number {
    return this.#refusals.size
  }
}
