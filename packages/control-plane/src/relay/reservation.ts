import { isLoopback } from '@libp2p/utils'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { limits, MeshError } from '@agent-mesh/wire'
import { isRelayed } from '../routing/path-class.ts'
import { readLimit, type CircuitLimit } from './circuit-limit.ts'
import { hopDialogue, hopProtocol, hopTypes, relayStatus, statusText } from './relay-message.ts'
import type { Connection, PeerId } from '@libp2p/interface'

/** A place that a relay holds for this node. */
export interface Reservation {
  relay: PeerId
  /** How this node is reached through the relay, without its own peer id at the end. */
  addresses: Multiaddr[]
  /** When the relay forgets it, in milliseconds since 1970. */
  expiresMs: number
  connection: Connection
  /** A relay of another network. */
  isCarrier?: boolean
  /** Of each connection through it. */
  limit?: CircuitLimit
}

/** Addresses of one relay that are told to others: a record has room for eight in all. */
const addressesPerRelay = 2

const readAddress = (bytes: Uint8Array): Multiaddr[] => {
  try {
    return [multiaddr(bytes)]
  } catch {
    return [] // of a kind that this version does not know
  }
}

/**
 * How others reach a relay: by the address by which this node has reached it, then by what it says of itself. Its own
 * loopback would lead them to themselves.
 */
export const circuitAddresses = (
  { remoteAddr, remotePeer }: Pick<Connection, 'remoteAddr' | 'remotePeer'>,
  said: Uint8Array[]
): Multiaddr[] => {
  const full = [remoteAddr, ...said.flatMap(readAddress)]
    .filter((address) => !isRelayed(address) && (isLoopback(remoteAddr) || !isLoopback(address)))
    .map((address) => {
      const last = address.getComponents().at(-1)
      return last?.name === 'p2p' ? address : address.encapsulate(`/p2p/${remotePeer.toString()}`)
    })
    .filter((address) => address.getComponents().at(-1)?.value === remotePeer.toString())
  const unique = new Map(full.map((address) => [address.toString(), address]))
  return [...unique.values()].slice(0, addressesPerRelay).map((address) => address.encapsulate('/p2p-circuit'))
}

/**
 * Asks the relay at the other end of a connection for a place, or to hold it for longer.
 * @throws MeshError RELAY_REFUSED, CONNECTION_LOST, TIMEOUT, CANCELLED
 */
export const reserve = async (connection: Connection, signal: AbortSignal): Promise<Reservation> => {
  const relay = connection.remotePeer
  const limit = AbortSignal.any([signal, AbortSignal.timeout(limits.relayAnswerMs)])
  const stream = await connection.newStream(hopProtocol, { signal: limit }).catch((cause: unknown) => {
    throw new MeshError('RELAY_REFUSED', `${relay.toString()} does not relay.`, { cause })
  })
  try {
    const hop = hopDialogue(stream)
    await hop.write({ type: hopTypes.reserve }, limit)
    const { status, reservation, limit: said } = await hop.read(limit)
    if (status !== relayStatus.ok || reservation === undefined)
      throw new MeshError('RELAY_REFUSED', `${relay.toString()} holds no place for this node: ${statusText(status)}.`)
    await stream.close({ signal: limit })
    const { expire, addrs } = reservation
    const ofEach = readLimit(said)
    return {
      relay,
      connection,
      expiresMs: expire * 1_000,
      addresses: circuitAddresses(connection, addrs),
      ...(ofEach === undefined ? {} : { limit: ofEach })
    }
  } catch (err) {
    stream.abort(err instanceof Error ? err : new Error(String(err)))
    throw err
  }
}

/** The places that this node has at this moment: it takes calls from their relays and from no other. */
export class HeldReservations {
  readonly #held = new Map<string, Reservation>()

  has(relay: PeerId): boolean {
    return this.#held.has(relay.toString())
  }

  put(reservation: Reservation): void {
    this.#held.set(reservation.relay.toString(), reservation)
  }

  drop(relay: PeerId): boolean {
    return this.#held.delete(relay.toString())
  }

  all(): Reservation[] {
    return [...this.#held.values()]
  }
}
