import type { Probes } from './probes.ts'

/** Intervals without an answer after which a connection that is open is called a zombie. */
const intervals = 5

/** Calls out every neighbour whose connection is open and does not answer, once for each time that it stops to. */
export class Zombies {
  readonly #afterMs: number
  readonly #probes: Pick<Probes, 'measured'>
  readonly #onZombie: (peer: string, stalledMs: number) => void
  readonly #called = new Set<string>()

  constructor(
    probeIntervalMs: number,
    probes: Pick<Probes, 'measured'>,
    onZombie: (peer: string, stalledMs: number) => void
  ) {
    this.#afterMs = intervals * probeIntervalMs
    this.#probes = probes
    this.#onZombie = onZombie
  }

  look(neighbours: readonly string[], nowMs: number): void {
    for (const peer of neighbours) {
      const stalledMs = this.#probes.measured(peer, nowMs)?.stalledMs ?? 0
      if (stalledMs < this.#afterMs || this.#called.has(peer)) continue
      this.#called.add(peer)
      this.#onZombie(peer, stalledMs)
    }
  }

  /** It answered, or it is gone. */
  clear(peer: string): void {
    this.#called.delete(peer)
  }
}
