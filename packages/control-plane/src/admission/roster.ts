import type { Connection, PeerId } from '@libp2p/interface'
import type { Greeting } from './interface.ts'

interface Guest {
  peerId: PeerId
  greeting: Greeting
  /** With the order in which they were opened; a clock may be set back. */
  connections: Map<Connection, number>
}

/** What the admission of a connection means for its peer. */
export type Arrival =
  | { is: 'first' }
  /** One more connection of a peer that is here. */
  | { is: 'further' }
  /** The process of the peer was started again: its older connections lead nowhere. */
  | { is: 'restarted'; dead: Connection[] }
  /** The connection is older than the process that is here: it leads nowhere itself. */
  | { is: 'dead' }

/** What the end of a connection means for its peer. */
export type Departure = { is: 'unknown' } | { is: 'last'; peerId: PeerId } | { is: 'one'; remaining: Connection }

/** Who is here: peers by id, counted by connection. */
export class Roster {
  readonly #guests = new Map<string, Guest>()

  /** @param order - grows with every connection that is opened */
  arrive(connection: Connection, greeting: Greeting, order: number): Arrival {
    const peerId = connection.remotePeer
    const guest = this.#guests.get(peerId.toString())
    if (guest === undefined) {
      this.#guests.set(peerId.toString(), { peerId, greeting, connections: new Map([[connection, order]]) })
      return { is: 'first' }
    }
    if (guest.greeting.instanceId === greeting.instanceId) {
      guest.greeting = greeting
      guest.connections.set(connection, order)
      return { is: 'further' }
    }
    if (order < Math.max(...guest.connections.values())) return { is: 'dead' }
    const dead = [...guest.connections.keys()]
    guest.greeting = greeting
    guest.connections = new Map([[connection, order]])
    return { is: 'restarted', dead }
  }

  depart(connection: Connection): Departure {
    const id = connection.remotePeer.toString()
    const guest = this.#guests.get(id)
    if (guest?.connections.delete(connection) !== true) return { is: 'unknown' }
    const [remaining] = guest.connections.keys()
    if (remaining !== undefined) return { is: 'one', remaining }
    this.#guests.delete(id)
    return { is: 'last', peerId: guest.peerId }
  }

  /** Takes a peer off. @returns the connections that it had */
  remove(peer: PeerId): Connection[] {
    const connections = this.connections(peer)
    this.#guests.delete(peer.toString())
    return connections
  }

  clear(): void {
    this.#guests.clear()
  }

  /** Replaces what a peer that is here has shown. */
  renew(peer: PeerId, greeting: Greeting): void {
    const guest = this.#guests.get(peer.toString())
    if (guest !== undefined) guest.greeting = greeting
  }

  has(peer: PeerId): boolean {
    return this.hasId(peer.toString())
  }

  hasId(peer: string): boolean {
    return this.#guests.has(peer)
  }

  greeting(peer: PeerId): Greeting | undefined {
    return this.#guests.get(peer.toString())?.greeting
  }

  connections(peer: PeerId): Connection[] {
    return [...(this.#guests.get(peer.toString())?.connections.keys() ?? [])]
  }

  isHere(connection: Connection): boolean {
    return this.#guests.get(connection.remotePeer.toString())?.connections.has(connection) === true
  }

  peers(): PeerId[] {
    return [...this.#guests.values()].map(({ peerId }) => peerId)
  }

  greetings(): Greeting[] {
    return [...this.#guests.values()].map(({ greeting }) => greeting)
  }
}
