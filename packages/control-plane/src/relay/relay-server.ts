import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import * as Digest from 'multiformats/hashes/digest'
import { isRelayed } from '../routing/path-class.ts'
import { joinStreams } from './circuit-pump.ts'
import {
  hopDialogue,
  hopProtocol,
  hopTypes,
  relayStatus,
  stopDialogue,
  stopProtocol,
  stopTypes
} from './relay-message.ts'
import { RelayQuota, type RelayQuotaInit } from './relay-quota.ts'
import type { Connection, ConnectionGater, PeerId, Stream } from '@libp2p/interface'
import type { AddressManager, ConnectionManager, Registrar } from '@libp2p/interface-internal'
import type { Dialogue, RelayStatus } from './relay-message.ts'
import type { RelayHop } from '@agent-mesh/wire'

export interface RelayServerInit extends Omit<RelayQuotaInit, 'now'> {
  /** Members that a place is held for. */
  reservations: number
  reservationMs?: number
  now?: () => number
}

/** Parts of the host; their member-only views, so that nobody else is ever relayed. */
export interface RelayServerComponents {
  registrar: Registrar
  connectionManager: ConnectionManager
  addressManager: AddressManager
  connectionGater: ConnectionGater
}

/** What a relay has done, for metrics. */
export interface RelayUse {
  isServing: boolean
  reservations: number
  circuits: number
  /** Since the start, in both directions. */
  bytes: number
  /** Reservations and circuits that were not given. */
  refusals: number
}

/** Why a request is not met, as the status of the answer. */
class Refusal extends Error {
  readonly status: RelayStatus

  constructor(status: RelayStatus) {
    super(`relay status ${status}`)
    this.status = status
  }
}

/**
 * Relays for members, by circuit relay v2. Stock servers cut a circuit after 128 KiB or two minutes and queue without
 * bound for a reader that stalls; this one stops the sender, and has a quota for each member instead.
 */
export class RelayServer {
  readonly #components: RelayServerComponents
  readonly #init: RelayServerInit
  readonly #now: () => number
  readonly #quota: RelayQuota
  /** Who has a place, and until when. */
  readonly #places = new Map<string, number>()
  #isServing = false
  #bytes = 0
  #refusals = 0

  constructor(components: RelayServerComponents, init: RelayServerInit) {
    this.#components = components
    this.#init = init
    this.#now = init.now ?? Date.now
    this.#quota = new RelayQuota({ ...init, now: this.#now })
  }

  get use(): RelayUse {
    this.#forget()
    return {
      isServing: this.#isServing,
      reservations: this.#places.size,
      circuits: this.#quota.circuits,
      bytes: this.#bytes,
      refusals: this.#refusals
    }
  }

  /** Begins or ends to relay; circuits that are open stay. Other members see it by the protocols of this node. */
  async serve(isWanted: boolean): Promise<void> {
    if (isWanted === this.#isServing) return
    this.#isServing = isWanted
    if (!isWanted) {
      this.#places.clear()
      await this.#components.registrar.unhandle(hopProtocol)
      return
    }
    // a hop stream stays open as long as its circuit
    await this.#components.registrar.handle(hopProtocol, this.#onHop, {
      maxInboundStreams: this.#init.circuitsPerPeer + 8
    })
  }

  async stop(): Promise<void> {
    await this.serve(false)
  }

  readonly #onHop = async (stream: Stream, connection: Connection): Promise<void> => {
    const signal = AbortSignal.timeout(limits.relayAnswerMs)
    const hop = hopDialogue(stream)
    try {
      const request = await hop.read(signal)
      if (isRelayed(connection.remoteAddr)) throw new Refusal(relayStatus.permissionDenied)
      if (request.type === hopTypes.reserve) await this.#reserve(hop, connection, signal)
      else if (request.type === hopTypes.connect) await this.#connect(hop, request, connection, signal)
      else throw new Refusal(relayStatus.unexpected)
    } catch (err) {
      this.#refusals += 1
      const status = err instanceof Refusal ? err.status : relayStatus.connectionFailed
      await hop
        .write({ type: hopTypes.status, status }, signal)
        .then(async () => stream.close({ signal }))
        .catch(() => stream.abort(toMeshError(err, 'RELAY_REFUSED')))
    }
  }

  async #reserve(hop: Dialogue<RelayHop>, { remotePeer }: Connection, signal: AbortSignal): Promise<void> {
    this.#forget()
    const peer = remotePeer.toString()
    if (this.#places.size >= this.#init.reservations && !this.#places.has(peer))
      throw new Refusal(relayStatus.reservationRefused)
    const endsMs = this.#now() + (this.#init.reservationMs ?? limits.relayReservationMs)
    this.#places.set(peer, endsMs)
    const addrs = this.#components.addressManager
      .getAddresses()
      .filter((address) => !isRelayed(address))
      .map(({ bytes }) => bytes)
    const reservation = { expire: Math.floor(endsMs / 1_000), addrs }
    await hop.write({ type: hopTypes.status, status: relayStatus.ok, reservation }, signal)
    await hop.unwrap().close({ signal })
  }

  async #connect(
    hop: Dialogue<RelayHop>,
    { peer }: RelayHop,
    { remotePeer: caller }: Connection,
    signal: AbortSignal
  ): Promise<void> {
    const callee = readPeer(peer?.id)
    if (callee === undefined || callee.equals(caller)) throw new Refusal(relayStatus.malformed)
    this.#forget()
    if (!this.#places.has(callee.toString())) throw new Refusal(relayStatus.noReservation)
    if ((await this.#components.connectionGater.denyOutboundRelayedConnection?.(caller, callee)) === true)
      throw new Refusal(relayStatus.permissionDenied)
    // The youngest one: a callee that moved has left older ones behind, which nobody answers.
    const connection = this.#components.connectionManager
      .getConnections(callee)
      .filter(({ status, remoteAddr }) => status === 'open' && !isRelayed(remoteAddr))
      .toSorted((a, b) => b.timeline.open - a.timeline.open)[0]
    if (connection === undefined) throw new Refusal(relayStatus.noReservation)
    if (!this.#quota.open(caller.toString())) throw new Refusal(relayStatus.resourceLimit)
    let called: Stream | undefined
    try {
      called = await this.#call(connection, caller, signal)
      await hop.write({ type: hopTypes.status, status: relayStatus.ok }, signal)
    } catch (err) {
      this.#quota.close(caller.toString())
      called?.abort(new MeshError('RELAY_REFUSED', 'The caller has gone.'))
      throw err
    }
    const charge = (sender: PeerId) => ({ onBytes: (count: number) => this.#charge(sender, count) })
    joinStreams([hop.unwrap(), called], [charge(caller), charge(callee)], () => this.#quota.close(caller.toString()))
  }

  /** Asks the callee whether it takes the circuit. */
  async #call(connection: Connection, caller: PeerId, signal: AbortSignal): Promise<Stream> {
    const stream = await connection.newStream(stopProtocol, { signal, maxOutboundStreams: this.#init.circuits })
    try {
      const stop = stopDialogue(stream)
      await stop.write({ type: stopTypes.connect, peer: { id: caller.toMultihash().bytes, addrs: [] } }, signal)
      const { status } = await stop.read(signal)
      if (status !== relayStatus.ok) throw new Refusal(relayStatus.connectionFailed)
      return stop.unwrap()
    } catch (err) {
      stream.abort(toMeshError(err, 'RELAY_REFUSED'))
      throw err
    }
  }

  #charge(sender: PeerId, count: number): number | Error {
    this.#bytes += count
    return (
      this.#quota.spend(sender.toString(), count) ??
      new MeshError('LIMIT_EXCEEDED', `${sender.toString()} has sent what this relay passes on of it in an hour.`)
    )
  }

  #forget(): void {
    const nowMs = this.#now()
    for (const [peer, endsMs] of this.#places) if (endsMs <= nowMs) this.#places.delete(peer)
  }
}

const readPeer = (id: Uint8Array | undefined): PeerId | undefined => {
  try {
    return id === undefined ? undefined : peerIdFromMultihash(Digest.decode(id))
  } catch {
    return undefined
  }
}
