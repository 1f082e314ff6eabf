/**
 * Whose turn it is: all in one order, shuffled anew after each round, newcomers at a random place. So everybody is probed
 * within two rounds, whatever luck says (SWIM §4.3).
 */
export class ProbeOrder {
  readonly #random: () => number
  #peers: string[] = []
  #position = 0

  /** @param random - at least 0, below 1 */
  constructor(random: () => number) {
    this.#random = random
  }

  get size(): number {
    return this.#peers.length
  }

  get peers(): readonly string[] {
    return this.#peers
  }

  add(peer: string): void {
    if (this.#peers.includes(peer)) return
    const place = this.#below(this.#peers.length + 1)
    this.#peers.splice(place, 0, peer)
    if (place < this.#position) this.#position += 1
  }

  remove(peer: string): void {
    const place = this.#peers.indexOf(peer)
    if (place < 0) return
    this.#peers.splice(place, 1)
    if (place < this.#position) this.#position -= 1
  }

  next(): string | undefined {
    if (this.#position >= this.#peers.length) {
      this.#position = 0
      this.#peers = this.shuffled()
    }
    return this.#peers[this.#position++]
  }

  /** A copy in another order. */
  shuffled(): string[] {
    const peers = [...this.#peers]
    for (let i = peers.length - 1; i > 0; i--) {
      const other = this.#below(i + 1)
      const [one, two] = [peers[i], peers[other]]
      if (one === undefined || two === undefined) continue
      peers[i] = two
      peers[other] = one
    }
    return peers
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound)
  }
}
