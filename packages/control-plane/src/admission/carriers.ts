import { hopProtocol } from '../relay/relay-message.ts'
import type { Connection } from '@libp2p/interface'

/**
 * Nothing but requests to relay leaves by the connection, whoever asks for a stream. The name of the error is what the
 * connection monitor of the host takes for an answer.
 */
const narrow = (connection: Connection): void => {
  const open = connection.newStream.bind(connection)
  const newStream: Connection['newStream'] = async (protocol, options) => {
    if (protocol === hopProtocol) return open(protocol, options)
    const error = new Error(`${connection.remotePeer.toString()} is a carrier, and is asked to relay and nothing else.`)
    throw Object.assign(error, { name: 'UnsupportedProtocolError' })
  }
  Object.defineProperty(connection, 'newStream', { value: newStream })
}

/**
 * Connections to carriers: relays of other networks that the configuration names. They are no members and are asked for
 * no hello, and so none of them is ever admitted: the member-only views show them to nobody but the transport through relays.
 */
export class Carriers {
  readonly #peers: ReadonlySet<string>
  readonly #open = new Set<Connection>()

  /** @param peers - ids of the carriers */
  constructor(peers: ReadonlySet<string> = new Set()) {
    this.#peers = peers
  }

  /**
   * Takes a connection that this node has dialled; whoever calls has to say hello, carriers included.
   * @returns false where it is to no carrier
   */
  take(connection: Connection): boolean {
    const { direction, remotePeer, limits } = connection
    if (direction !== 'outbound' || limits !== undefined || !this.#peers.has(remotePeer.toString())) return false
    narrow(connection)
    this.#open.add(connection)
    return true
  }

  has(connection: Connection): boolean {
    return this.#open.has(connection)
  }

  drop(connection: Connection): boolean {
    return this.#open.delete(connection)
  }

  clear(): void {
    this.#open.clear()
  }
}
