/** Peers that are remembered at once. */
const remembered = 256

/** Peers that failed a moment ago. Health knows soon; until then they are asked last. */
export class Shunned {
  readonly #forMs: number
  readonly #now: () => number
  readonly #untilMs = new Map<string, number>()

  /** @param now - monotonic milliseconds */
  constructor(forMs: number, now: () => number) {
    this.#forMs = forMs
    this.#now = now
  }

  add(peer: string): void {
    this.#untilMs.delete(peer)
    const oldest = this.#untilMs.size >= remembered ? this.#untilMs.keys().next() : undefined
    if (oldest?.done === false) this.#untilMs.delete(oldest.value)
    this.#untilMs.set(peer, this.#now() + this.#forMs)
  }

  /** It answered. */
  clear(peer: string): void {
    if (this.#untilMs.size > 0) this.#untilMs.delete(peer)
  }

  has(peer: string): boolean {
    return (this.#untilMs.get(peer) ?? -Infinity) > this.#now()
  }
}
