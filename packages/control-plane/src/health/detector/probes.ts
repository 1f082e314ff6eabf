/** A probe of this node's own: the peer itself is asked first, helpers when it does not answer in time. */
export interface OwnProbe {
  is: 'own'
  sequence: number
  peer: string
  sentMs: number
  /** Undefined when they were asked. */
  askHelpersAtMs: number | undefined
  endMs: number
  helpers: readonly string[]
  nacks: Set<string>
  hasRelayedAck: boolean
  mustDial: boolean
  /** The life of which it was told with the probe that it is accused; -1 for none. */
  toldOf: number
}

/** A probe for somebody else. */
export interface Errand {
  is: 'errand'
  sequence: number
  peer: string
  endMs: number
  asker: string
  /** The sequence by which the asker knows it. */
  askerSequence: number
}

export type Probe = OwnProbe | Errand

/** Probes that are under way, by their sequence. */
export class Probes {
  readonly #probes = new Map<number, Probe>()
  #sequence = 0

  get size(): number {
    return this.#probes.size
  }

  /** Fits 32 bits, and comes around. */
  nextSequence(): number {
    this.#sequence = this.#sequence >= 0xffff_ffff ? 1 : this.#sequence + 1
    return this.#sequence
  }

  add(probe: Probe): void {
    this.#probes.set(probe.sequence, probe)
  }

  get(sequence: number): Probe | undefined {
    return this.#probes.get(sequence)
  }

  remove({ sequence }: Probe): void {
    this.#probes.delete(sequence)
  }

  /** Of this node's own. */
  isUnderWay(peer: string): boolean {
    for (const probe of this.#probes.values()) if (probe.is === 'own' && probe.peer === peer) return true
    return false
  }

  errandsOf(asker: string): number {
    let count = 0
    for (const probe of this.#probes.values()) if (probe.is === 'errand' && probe.asker === asker) count += 1
    return count
  }

  nextAtMs(): number {
    let earliest = Infinity
    for (const probe of this.#probes.values()) earliest = Math.min(earliest, dueMs(probe))
    return earliest
  }

  due(nowMs: number): Probe[] {
    return [...this.#probes.values()].filter((probe) => dueMs(probe) <= nowMs)
  }

  /** Answers that came while this node stood still are waiting to be read. */
  extend(byMs: number): void {
    for (const probe of this.#probes.values()) {
      probe.endMs += byMs
      if (probe.is === 'own' && probe.askHelpersAtMs !== undefined) probe.askHelpersAtMs += byMs
    }
  }
}

const dueMs = (probe: Probe): number => (probe.is === 'own' ? (probe.askHelpersAtMs ?? probe.endMs) : probe.endMs)
