import { ListenError, transportSymbol, type Connection, type ConnectionGater } from '@libp2p/interface'
import { peerIdFromMultihash, peerIdFromString } from '@libp2p/peer-id'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import * as Digest from 'multiformats/hashes/digest'
import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import { isRelayed } from '../routing/path-class.ts'
import { circuitConnection } from './circuit-connection.ts'
import { readLimit } from './circuit-limit.ts'
import { CircuitMeter } from './circuit-meter.ts'
import {
  hopDialogue,
  hopProtocol,
  hopTypes,
  relayStatus,
  statusText,
  stopDialogue,
  stopProtocol,
  stopTypes
} from './relay-message.ts'
import type { HeldReservations } from './reservation.ts'
import type { DialTransportOptions, Listener, PeerId, Startable, Stream, Transport, Upgrader } from '@libp2p/interface'
import type { ConnectionManager, Registrar } from '@libp2p/interface-internal'
import type { RelayLimit } from '@agent-mesh/wire'

/** Parts of the host; registrar and connections as members see them. */
export interface RelayTransportComponents {
  peerId: PeerId
  registrar: Registrar
  connectionManager: ConnectionManager
  connectionGater: ConnectionGater
  upgrader: Upgrader
}

interface Circuit {
  relay: PeerId
  relayAddress: Multiaddr
  peer: PeerId
}

/** @throws MeshError UNREACHABLE where the address does not name both ends of the circuit */
const readCircuit = (address: Multiaddr): Circuit => {
  const [before = '', after = ''] = address.toString().split('/p2p-circuit')
  const relay = before.split('/p2p/').at(-1)
  const peer = after.split('/p2p/').at(-1)
  if (!before.includes('/p2p/') || relay === undefined || peer === undefined || peer === '')
    throw new MeshError('UNREACHABLE', `${address.toString()} does not name the relay and the peer behind it.`)
  return { relay: peerIdFromString(relay), relayAddress: multiaddr(before), peer: peerIdFromString(peer) }
}

/** What the relay says that it carries for one circuit; nothing where that is not limited. */
const meter = (relay: Connection, said: RelayLimit | undefined): { limits?: CircuitMeter } => {
  const limit = readLimit(said)
  if (limit === undefined) return {}
  const carrier = relay.remotePeer.toString()
  return { limits: new CircuitMeter({ carrier, limit, isCarrierThere: () => relay.status === 'open' }) }
}

/**
 * Reaches members, and is reached, through relays. It does not listen: a node is called by the relays at which it holds
 * a place, see {@link HeldReservations}, and tells of them in its record.
 */
export class RelayTransport implements Transport, Startable {
  readonly [Symbol.toStringTag] = '@agent-mesh/relay-transport'
  readonly [transportSymbol] = true as const
  readonly #components: RelayTransportComponents
  readonly #held: HeldReservations
  #stopping = new AbortController()

  constructor(components: RelayTransportComponents, held: HeldReservations) {
    this.#components = components
    this.#held = held
  }

  async start(): Promise<void> {
    this.#stopping = new AbortController()
    await this.#components.registrar.handle(stopProtocol, this.#onCall, { maxInboundStreams: limits.relayCircuits })
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#components.registrar.unhandle(stopProtocol)
  }

  dialFilter(addresses: Multiaddr[]): Multiaddr[] {
    return addresses.filter((address) => isRelayed(address) && address.getComponents().at(-1)?.name === 'p2p')
  }

  listenFilter(): Multiaddr[] {
    return []
  }

  createListener(): Listener {
    throw new ListenError('Places at relays are asked for one by one, not listened on.')
  }

  /** @throws MeshError RELAY_REFUSED, UNREACHABLE, and what the connection to the relay throws */
  async dial(address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    const { relay, relayAddress, peer } = readCircuit(address)
    const limit = AbortSignal.timeout(limits.relayAnswerMs)
    const signal = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit])
    const connection = await this.#toRelay(relay, relayAddress, signal)
    const stream = await connection
      .newStream(hopProtocol, { signal, maxOutboundStreams: limits.relayCircuits })
      .catch((cause: unknown) => {
        throw new MeshError('RELAY_REFUSED', `${relay.toString()} does not relay.`, { cause })
      })
    try {
      const hop = hopDialogue(stream)
      await hop.write({ type: hopTypes.connect, peer: { id: peer.toMultihash().bytes, addrs: [] } }, signal)
      const { status, limit: said } = await hop.read(signal)
      if (status !== relayStatus.ok)
        throw new MeshError(
          'RELAY_REFUSED',
          `${relay.toString()} did not connect to ${peer.toString()}: ${statusText(status)}.`
        )
      const metered = meter(connection, said)
      const init = { stream: hop.unwrap(), remoteAddr: address, direction: 'outbound', ...metered } as const
      return await this.#components.upgrader.upgradeOutbound(circuitConnection(init), { ...options, ...metered })
    } catch (err) {
      stream.abort(toMeshError(err, 'RELAY_REFUSED'))
      throw err
    }
  }

  async #toRelay(relay: PeerId, address: Multiaddr, signal: AbortSignal): Promise<Connection> {
    if (relay.equals(this.#components.peerId))
      throw new MeshError('UNREACHABLE', 'This node is the relay itself, and has no connection to the peer.')
    const open = this.#components.connectionManager
      .getConnections(relay)
      .find(({ status, remoteAddr }) => status === 'open' && !isRelayed(remoteAddr))
    if (open !== undefined) return open
    return this.#components.connectionManager.openConnection(address, { signal }).catch((cause: unknown) => {
      if (toMeshError(cause).code !== 'NOT_A_MEMBER') throw cause
      throw new MeshError('RELAY_REFUSED', `The relay ${relay.toString()} is no member, and no carrier of this node.`, {
        hint: `Where you trust it with who calls whom: relay.carriers: [${address.toString()}]`,
        cause
      })
    })
  }

  readonly #onCall = async (stream: Stream, connection: Connection): Promise<void> => {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(limits.relayAnswerMs)])
    const relay = connection.remotePeer
    try {
      const stop = stopDialogue(stream)
      const { type, peer, limit: said } = await stop.read(signal)
      const status = await this.#judge(relay, type, peer?.id)
      await stop.write({ type: stopTypes.status, status }, signal)
      if (status !== relayStatus.ok || peer === undefined) return await stream.close({ signal })
      const caller = peerIdFromMultihash(Digest.decode(peer.id)).toString()
      const through = connection.remoteAddr.toString().includes('/p2p/')
        ? connection.remoteAddr
        : connection.remoteAddr.encapsulate(`/p2p/${relay.toString()}`)
      const remoteAddr = through.encapsulate(`/p2p-circuit/p2p/${caller}`)
      const metered = meter(connection, said)
      const init = { stream: stop.unwrap(), remoteAddr, direction: 'inbound', ...metered } as const
      await this.#components.upgrader.upgradeInbound(circuitConnection(init), { signal, ...metered })
    } catch (err) {
      stream.abort(toMeshError(err, 'RELAY_REFUSED'))
    }
  }

  async #judge(relay: PeerId, type: number | undefined, id: Uint8Array | undefined): Promise<number> {
    if (type !== stopTypes.connect || id === undefined) return relayStatus.unexpected
    if (!this.#held.has(relay)) return relayStatus.permissionDenied
    const caller = peerIdFromMultihash(Digest.decode(id))
    const isDenied = await this.#components.connectionGater.denyInboundRelayedConnection?.(relay, caller)
    return isDenied === true ? relayStatus.permissionDenied : relayStatus.ok
  }
}
