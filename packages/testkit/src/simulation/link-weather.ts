import type { SeededRandom } from '../random.ts'
import type { Fault, Scenario } from './scenario.ts'

/** The first retransmission over TCP comes after this; each further one after twice as long (RFC 6298, Linux). */
const retransmitMs = 200

const isDuring = (fault: { atMs: number; forMs: number }, nowMs: number): boolean =>
  nowMs >= fault.atMs && nowMs < fault.atMs + fault.forMs

type LinkFault = Extract<Fault, { is: 'partition' | 'one-way' | 'loss' | 'delay' }>

/** What becomes of a message between two nodes at a moment. */
export class LinkWeather {
  readonly #faults: Array<{ fault: LinkFault; nodes: ReadonlySet<number> }>
  readonly #link: Scenario['link']
  readonly #random: SeededRandom

  constructor({ faults, link }: Pick<Scenario, 'faults' | 'link'>, random: SeededRandom) {
    this.#link = link
    this.#random = random
    this.#faults = faults.flatMap((fault) =>
      fault.is === 'partition' || fault.is === 'one-way' || fault.is === 'loss' || fault.is === 'delay'
        ? [{ fault, nodes: new Set(fault.is === 'one-way' ? [] : fault.nodes) }]
        : []
    )
  }

  /** @returns how long it is under way; undefined where it never arrives */
  delayMs(from: number, to: number, nowMs: number): number | undefined {
    let delayMs = this.#link.delayMs + this.#random.next() * this.#link.jitterMs
    for (const { fault, nodes } of this.#faults) {
      if (!isDuring(fault, nowMs)) continue
      switch (fault.is) {
        case 'partition':
          if (nodes.has(from) !== nodes.has(to)) return undefined
          break
        case 'one-way':
          if (fault.from === from && fault.to === to) return undefined
          break
        case 'loss':
          if (nodes.has(from) || nodes.has(to)) delayMs += this.#lateMs(fault.share)
          break
        case 'delay':
          if (nodes.has(from) || nodes.has(to)) delayMs += fault.byMs
          break
      }
    }
    return delayMs
  }

  #lateMs(share: number): number {
    let lateMs = 0
    for (let waitMs = retransmitMs; waitMs < 10_000 && this.#random.next() < share; waitMs *= 2) lateMs += waitMs
    return lateMs
  }
}
