import type { LinkFigures } from './echo-driver.ts'
import { LossWindow } from './loss-window.ts'
import { SequenceTally, type Arrivals } from './sequence-tally.ts'

/** Twice the slowest pace of the other side. */
const blockedMs = 20_000

/** The side of a session that answers. It learns as much: what arrives it counts itself, of its answers it is told. */
export class EchoAnswerer {
  readonly #requests = new SequenceTally()
  readonly #out = new LossWindow()
  readonly #in = new LossWindow()
  #sequence = 0
  #heardMs: number
  #hasHeard = false

  constructor(nowMs: number) {
    this.#heardMs = nowMs
  }

  /**
   * @param there - what the other side has counted
   * @returns what the answer carries; undefined for a request that came before
   */
  requested(sequence: number, there: Arrivals, nowMs: number): { sequence: number; arrivals: Arrivals } | undefined {
    if (!this.#requests.arrive(sequence)) return undefined
    this.#heardMs = nowMs
    this.#hasHeard = true
    const here = this.#requests.arrivals
    this.#in.note(here, nowMs)
    this.#out.note(there, nowMs)
    return { sequence: ++this.#sequence, arrivals: here }
  }

  figures(nowMs: number): LinkFigures {
    if (nowMs - this.#heardMs >= blockedMs) return { udp: 'blocked' }
    if (!this.#hasHeard) return { udp: 'unknown' }
    const out = this.#out.read(nowMs)
    const back = this.#in.read(nowMs)
    return { udp: 'works', ...(out === undefined ? {} : { out }), ...(back === undefined ? {} : { in: back }) }
  }
}
