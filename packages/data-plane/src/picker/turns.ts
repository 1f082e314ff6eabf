import type { Candidate } from '../interfaces.ts'
import { InFlight } from './in-flight.ts'
import { pick, type Choice } from './pick.ts'

/** Candidates that are remembered though nothing is open to them. */
const mostRemembered = 1_024

/** The same for the same agent and service. */
export const keyOf = ({ peerId, service = '' }: Pick<Candidate, 'peerId' | 'service'>): string =>
  `${peerId.toString()}/${service}`

/** Brings candidates into the order in which they are to be tried, by what is open to each. */
export class Turns {
  readonly inFlight = new InFlight()
  readonly #random: () => number

  /** @param random - at least 0, below 1 */
  constructor(random: () => number = Math.random) {
    this.#random = random
  }

  /** @param waiting - tunnels to a candidate that are open and do no work */
  of(candidates: Candidate[], choice: Choice, waiting: (key: string) => number = () => 0): Candidate[] {
    if (candidates.length < 2) return candidates
    const pickables = candidates.map((candidate, index) => {
      const { tier = index, isGood = true, weight = 1, reported } = candidate
      const key = keyOf(candidate)
      const busy = Math.max(0, this.inFlight.busy(key, reported) - waiting(key))
      return { key, tier, isGood, weight, busy, candidate }
    })
    if (this.inFlight.size > mostRemembered) this.inFlight.keep(new Set(pickables.map(({ key }) => key)))
    return pick(pickables, choice, this.#random).map(({ candidate }) => candidate)
  }
}
