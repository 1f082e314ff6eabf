/** Capabilities for which one client connection is remembered. */
const remembered = 32

/** Which agent answers which client connection, for each capability. Ends with the connection. */
export class Stickiness {
  readonly #clients = new WeakMap<object, Map<string, string>>()

  /** @returns the peer that answered last */
  get(client: object, capability: string): string | undefined {
    return this.#clients.get(client)?.get(capability)
  }

  set(client: object, capability: string, peer: string): void {
    const agents = this.#clients.get(client) ?? new Map<string, string>()
    this.#clients.set(client, agents)
    if (agents.get(capability) === peer) return
    agents.delete(capability)
    const oldest = agents.size >= remembered ? agents.keys().next() : undefined
    if (oldest?.done === false) agents.delete(oldest.value)
    agents.set(capability, peer)
  }
}
