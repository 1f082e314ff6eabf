import { limits, type MeshError } from '@agent-mesh/wire'
import { BoundedMap } from '../admission/bounded-map.ts'

export interface RelayRefusalsInit {
  /** Milliseconds since 1970. */
  now: () => number
  /** At least 0, below 1. */
  random: () => number
}

export interface RelayRefusal {
  error: MeshError
  /** In a row. */
  times: number
  /** When it is asked again, in milliseconds since 1970. */
  untilMs: number
}

/** A member that said no is asked again after this; it is asked before where it is back. */
const memberRetryMs = 60_000
/** Relays whose no is remembered. */
const most = 256

/**
 * Relays that gave no place, and when each is asked again: a member after a minute, a carrier, which belongs to others and
 * may be full for hours, after 15 s · 2ⁿ up to a quarter of an hour, less up to a quarter of that.
 */
export class RelayRefusals {
  readonly #init: RelayRefusalsInit
  readonly #refusals = new BoundedMap<string, RelayRefusal>(most)

  constructor(init: RelayRefusalsInit) {
    this.#init = init
  }

  note(relay: string, error: MeshError, isCarrier: boolean): void {
    const times = (this.#refusals.get(relay)?.times ?? 0) + 1
    const pauseMs = isCarrier ? this.#carrierMs(times) : memberRetryMs
    this.#refusals.set(relay, { error, times, untilMs: this.#init.now() + pauseMs })
  }

  get(relay: string): RelayRefusal | undefined {
    return this.#refusals.get(relay)
  }

  /** It gave a place, or is back. */
  forget(relay: string): void {
    this.#refusals.delete(relay)
  }

  /** The network of this machine is another one: all may be asked at once. */
  clear(): void {
    this.#refusals.clear()
  }

  #carrierMs(times: number): number {
    const longest = Math.min(limits.carrierRetryMostMs, limits.carrierRetryMs * 2 ** Math.min(times - 1, 30))
    return longest * (1 - 0.25 * this.#init.random())
  }
}
