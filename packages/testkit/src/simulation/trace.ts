import type { MemberView } from '@agent-mesh/control-plane/detector'

/** A state that changed in the view of one node. */
export interface Change {
  atMs: number
  observer: number
  subject: number
  from: MemberView['state'] | undefined
  to: MemberView['state']
  isAsymmetric: boolean
  reason: string
}

export interface Refutation {
  atMs: number
  node: number
  incarnation: number
}

/** What happened, for assertions and for people; the hash covers every message. */
export class Trace {
  readonly changes: Change[] = []
  readonly refutations: Refutation[] = []
  /** A node's own finding that another does not answer: the first cause of every suspicion. */
  readonly accusations: Array<{ atMs: number; accuser: number; subject: number; state: string }> = []
  messages = 0
  bytes = 0
  digestMessages = 0
  digestBytes = 0
  #low = 0x811c9dc5
  #high = 0x1b873593

  /** Of all numbers so far and their order (FNV-1a, two lanes). */
  get hash(): string {
    return [this.#high, this.#low].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('')
  }

  mix(...numbers: readonly number[]): void {
    for (const number of numbers) {
      const whole = Math.round(number * 1_000)
      const bits = (whole | 0) ^ Math.floor(whole / 2 ** 32)
      this.#low = Math.imul(this.#low ^ bits, 0x01000193)
      this.#high = Math.imul(this.#high ^ (bits + (this.#low >>> 7)), 0x85ebca6b)
    }
  }
}
