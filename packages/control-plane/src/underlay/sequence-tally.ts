import { limits } from '@agent-mesh/wire'

/** What the numbers of the packets that arrived say, counted since the first one. */
export interface Arrivals {
  /** Packets whose fate is known: arrived, or given up. */
  settled: number
  /** Of those, the lost ones. */
  lost: number
  /** Times that packets were lost: those that are lost one after another count once, for they have one cause. */
  runs: number
}

export const noArrivals: Arrivals = { settled: 0, lost: 0, runs: 0 }

/** A packet counts as lost once one this much younger has arrived: until then it may have been overtaken. */
const overtaken = 8

/**
 * So many in a row are no loss but an outage, of the way or of a process that stood still; it is told by silence and by
 * stalls, and a share of lost packets would be wrong. At a loss of a half, one run in 30,000 is as long.
 */
const outage = 16

/** Counts sequenced packets at the side where they arrive. Those that come twice count once. */
export class SequenceTally {
  #settledTo = 0
  #highest = 0
  #run = 0
  readonly #waiting = new Set<number>()
  readonly #arrivals: Arrivals = { ...noArrivals }

  get arrivals(): Arrivals {
    return { ...this.#arrivals }
  }

  /** @returns false for what came before, or comes so late that it was given up */
  arrive(sequence: number): boolean {
    const isFirst = this.#highest === 0
    if (isFirst || sequence > this.#highest + limits.echoSequenceJump) this.#begin(sequence)
    else if (sequence <= this.#settledTo || this.#waiting.has(sequence)) return false
    this.#waiting.add(sequence)
    this.#highest = Math.max(this.#highest, sequence)
    while (this.#settledTo < this.#highest - overtaken) this.#settle(++this.#settledTo)
    return true
  }

  /** Counts from here: what was before is not known. */
  #begin(sequence: number): void {
    this.#waiting.clear()
    this.#run = 0
    this.#settledTo = sequence - 1
    this.#highest = sequence
  }

  #settle(sequence: number): void {
    if (!this.#waiting.delete(sequence)) {
      this.#run++
      return
    }
    this.#arrivals.settled++
    if (this.#run > 0 && this.#run < outage) {
      this.#arrivals.settled += this.#run
      this.#arrivals.lost += this.#run
      this.#arrivals.runs++
    }
    this.#run = 0
  }
}
