/** Probes that are remembered. */
const window = 64

/** Weight of one more measurement in the smoothed round trip: RFC 6298, section 2. */
const rttGain = 1 / 8
/** Weight of one more difference in the jitter: RFC 3550, section 6.4.1. */
const jitterGain = 1 / 16

export interface Measured {
  /** Absent where nothing was ever answered. */
  rttMs?: number
  jitterMs?: number
  /** Of the last 64 probes, those that found no answer in time. */
  stalls: number
  /** For how long nothing was answered; absent where the last probe was. */
  stalledMs?: number
}

/**
 * What the probes of one neighbour tell of the way to it. A probe that stays without an answer counts as a stall, never
 * as a lost packet: TCP sends lost packets again, and a neighbour that stands still looks the same.
 */
export class RttMeter {
  #rttMs: number | undefined
  #lastMs = 0
  #jitterMs = 0
  #stalls: boolean[] = []
  #stalledSinceMs: number | undefined

  /** @param rttMs - there and back */
  answered(rttMs: number): void {
    this.#stalledSinceMs = undefined
    this.#note(false)
    if (this.#rttMs === undefined) this.#rttMs = rttMs
    else {
      this.#rttMs += (rttMs - this.#rttMs) * rttGain
      this.#jitterMs += (Math.abs(rttMs - this.#lastMs) - this.#jitterMs) * jitterGain
    }
    this.#lastMs = rttMs
  }

  /** @param sentMs - when the probe left */
  unanswered(sentMs: number): void {
    this.#stalledSinceMs ??= sentMs
    this.#note(true)
  }

  read(nowMs: number): Measured {
    return {
      ...(this.#rttMs === undefined ? {} : { rttMs: this.#rttMs, jitterMs: this.#jitterMs }),
      stalls: this.#stalls.filter(Boolean).length,
      ...(this.#stalledSinceMs === undefined ? {} : { stalledMs: Math.max(0, nowMs - this.#stalledSinceMs) })
    }
  }

  #note(isStall: boolean): void {
    this.#stalls.push(isStall)
    if (this.#stalls.length > window) this.#stalls.shift()
  }
}
