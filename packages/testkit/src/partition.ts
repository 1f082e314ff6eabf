import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'

/** Whether two members, by name, cannot reach each other. */
export type IsCut = (a: string, b: string) => boolean

interface Link {
  a: string
  /** Its name may become known later. */
  peer: string
  connection: MultiaddrConnection
}

/**
 * Takes the network between members apart: connections between those that are cut break at once, without
 * a goodbye, and new ones are refused on both sides until it heals. Each host asks its own {@link Partition.gater}. Members in other processes are told of by {@link Partition.know}, and
 * their process has to cut as well.
 */
export class Partition {
  readonly #names = new Map<string, string>()
  readonly #links = new Set<Link>()
  readonly #gone = new Set<string>()
  #isCut: IsCut = () => false

  /** What one host has to ask before each connection. */
  gater(name: string, self: PeerId): ConnectionGater {
    this.know(name, self.toString())
    const isDenied = async (peer: PeerId, connection: MultiaddrConnection): Promise<boolean> => {
      if (this.#isDenied(name, peer.toString())) return true
      this.#keep({ a: name, peer: peer.toString(), connection })
      return false
    }
    return {
      denyDialMultiaddr: async (address) => this.#isDenied(name, peerOf(address) ?? ''),
      denyInboundEncryptedConnection: isDenied,
      denyOutboundEncryptedConnection: isDenied
    }
  }

  /** Which member a peer id is. */
  know(name: string, peerId: string): void {
    this.#names.set(peerId, name)
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

  #isDenied(name: string, peer: string): boolean {
    const other = this.#names.get(peer)
    return other !== undefined && this.#areApart(name, other)
  }

  #keep(link: Link): void {
    this.#links.add(link)
    link.connection.addEventListener('close', () => this.#links.delete(link), { once: true })
  }

  #apply(): void {
    for (const { a, peer, connection } of this.#links)
      if (this.#isDenied(a, peer)) connection.abort(new Error(`the link of ${a} is cut`))
  }
}

const peerOf = (address: MultiaddrConnection['remoteAddr']): string | undefined =>
  address.getComponents().findLast((part) => part.name === 'p2p')?.value
