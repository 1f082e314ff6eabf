import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'

/** Whether two members, by name, cannot reach each other. */
export type IsCut = (a: string, b: string) => boolean

interface Link {
  a: string
  b: string
  connection: MultiaddrConnection
}

/**
 * Takes the network between members of one process apart: connections between those that are cut break at once, without
 * a goodbye, and new ones are refused on both sides until it heals. Each host asks its own {@link Partition.gater}.
 */
export class Partition {
  readonly #names = new Map<string, string>()
  readonly #links = new Set<Link>()
  readonly #gone = new Set<string>()
  #isCut: IsCut = () => false

  /** What one host has to ask before each connection. */
  gater(name: string, self: PeerId): ConnectionGater {
    this.#names.set(self.toString(), name)
    const isDenied = async (peer: PeerId, connection: MultiaddrConnection): Promise<boolean> => {
      const other = this.#names.get(peer.toString())
      if (other === undefined) return false
      if (this.#areApart(name, other)) return true
      this.#keep({ a: name, b: other, connection })
      return false
    }
    return {
      denyDialMultiaddr: async (address) => {
        const other = this.#names.get(peerOf(address) ?? '')
        return other !== undefined && this.#areApart(name, other)
      },
      denyInboundEncryptedConnection: isDenied,
      denyOutboundEncryptedConnection: isDenied
    }
  }

  /** Replaces every cut that was made before. */
  cut(isCut: IsCut): void {
    this.#isCut = isCut
    this.#apply()
  }

  /** Between these groups, and not within them; whoever is in none reaches everybody. */
  split(...groups: string[][]): void {
    const groupOf = (name: string): number => groups.findIndex((group) => group.includes(name))
    this.cut((a, b) => groupOf(a) !== groupOf(b) && groupOf(a) >= 0 && groupOf(b) >= 0)
  }

  heal(): void {
    this.cut(() => false)
  }

  /** From everybody, for good or until it is {@link Partition.rejoin}ed: what others see of a crash. */
  silence(name: string): void {
    this.#gone.add(name)
    this.#apply()
  }

  rejoin(name: string): void {
    this.#gone.delete(name)
  }

  #areApart(a: string, b: string): boolean {
    return this.#gone.has(a) || this.#gone.has(b) || this.#isCut(a, b)
  }

  #keep(link: Link): void {
    this.#links.add(link)
    link.connection.addEventListener('close', () => this.#links.delete(link), { once: true })
  }

  #apply(): void {
    for (const { a, b, connection } of this.#links)
      if (this.#areApart(a, b)) connection.abort(new Error(`the link between ${a} and ${b} is cut`))
  }
}

const peerOf = (address: MultiaddrConnection['remoteAddr']): string | undefined =>
  address.getComponents().findLast((part) => part.name === 'p2p')?.value
