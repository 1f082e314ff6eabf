import { RttMeter, type Measured } from './rtt-meter.ts'

interface Probe {
  peer: string
  sentMs: number
  deadlineMs: number
}

/** The probes that are on their way, and what those before them told of each neighbour. Times are of a clock that never goes back. */
export class Probes {
  readonly #open = new Map<number, Probe>()
  readonly #meters = new Map<string, RttMeter>()

  sent(sequence: number, probe: Probe): void {
    this.#open.set(sequence, probe)
  }

  /** An answer counts where it comes from whom was asked, even when it is late. */
  answered(sequence: number, peer: string, nowMs: number): void {
    const probe = this.#open.get(sequence)
    if (probe?.peer !== peer) return
    this.#open.delete(sequence)
    this.#meterOf(peer).answered(nowMs - probe.sentMs)
  }

  /** Counts those that nobody answered in time. */
  expire(nowMs: number): void {
    for (const [sequence, { peer, sentMs, deadlineMs }] of this.#open) {
      if (nowMs <= deadlineMs) continue
      this.#open.delete(sequence)
      this.#meterOf(peer).unanswered(sentMs)
    }
  }

  measured(peer: string, nowMs: number): Measured | undefined {
    return this.#meters.get(peer)?.read(nowMs)
  }

  /** The way to the peer has ended; another one is another way. */
  forget(peer: string): void {
    this.#meters.delete(peer)
    for (const [sequence, probe] of this.#open) if (probe.peer === peer) this.#open.delete(sequence)
  }

  clear(): void {
    this.#open.clear()
    this.#meters.clear()
  }

  #meterOf(peer: string): RttMeter {
    const meter = this.#meters.get(peer) ?? new RttMeter()
    this.#meters.set(peer, meter)
    return meter
  }
}
