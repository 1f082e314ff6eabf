import type { GossipMessage } from './message.ts'

/** A message of gossip on its way through the mesh: each node passes on the first copy that reaches it. */
export class Flood {
  readonly message: GossipMessage
  readonly sizeBytes: number
  readonly #earliestMs: Float64Array
  readonly #hasIt: Uint8Array

  constructor(message: GossipMessage, sizeBytes: number, nodes: number) {
    this.message = message
    this.sizeBytes = sizeBytes
    this.#earliestMs = new Float64Array(nodes).fill(Infinity)
    this.#hasIt = new Uint8Array(nodes)
  }

  /** @returns whether no earlier copy is under way; later ones change nothing and need no event */
  isFirst(node: number, atMs: number): boolean {
    if (atMs >= (this.#earliestMs[node] ?? -Infinity)) return false
    this.#earliestMs[node] = atMs
    return true
  }

  /** @returns false where the node has it already */
  receive(node: number): boolean {
    if (this.#hasIt[node] === 1) return false
    this.#hasIt[node] = 1
    return true
  }
}
