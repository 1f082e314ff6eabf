import { peerIdFromString } from '@libp2p/peer-id'
import {
  circuitMeter,
  dialCarrier,
  type Admission,
  type RelayCandidate,
  type RelayKeeper,
  type Reservation
} from '@agent-mesh/control-plane'
import type { Connection, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CarrierDocument, CarrierUse, Status } from '@agent-mesh/wire/api'
import { carriersOf } from '../config/carriers.ts'
import type { Config } from '../config/schema.ts'
import type { Host } from '../host/create-host.ts'

export interface NodeCarriersInit {
  config: Pick<Config, 'relay'>
  host: Pick<Host, 'getConnections' | 'services'>
  admission: Pick<Admission, 'isCarrier'>
}

type State = Omit<CarrierDocument, 'peerId' | 'addresses' | 'circuits'>

/** Of the addresses of one carrier, those that are told to others: a record has room for eight in all. */
const toldAddresses = 2

/** The relays of other networks that the configuration names, as this node uses them. */
export class NodeCarriers {
  readonly #init: NodeCarriersInit
  readonly #addresses: ReadonlyMap<string, Multiaddr[]>

  constructor(init: NodeCarriersInit) {
    this.#init = init
    this.#addresses = carriersOf(init.config.relay.carriers)
  }

  has(peer: string): boolean {
    return this.#addresses.has(peer)
  }

  candidates(): RelayCandidate[] {
    return [...this.#addresses.keys()].map((peer) => ({
      peer,
      isConnected: this.#connections(peerIdFromString(peer)).length > 0,
      isCarrier: true
    }))
  }

  /** @throws MeshError STALE_ROUTE where somebody else answers, UNREACHABLE */
  async connect(peer: PeerId, signal: AbortSignal): Promise<Connection> {
    const [open] = this.#connections(peer)
    if (open !== undefined) return open
    const { dialParts } = this.#init.host.services
    return dialCarrier({ host: dialParts, peer, addresses: this.#addresses.get(peer.toString()) ?? [], signal })
  }

  /** The place with what is told of it: who has this carrier too knows it by these addresses. */
  told(place: Reservation): Reservation {
    const addresses = this.#addresses.get(place.relay.toString()) ?? []
    return { ...place, addresses: addresses.slice(0, toldAddresses).map((one) => one.encapsulate('/p2p-circuit')) }
  }

  /** A place is not wanted any more: neither is the connection, unless others run through it. */
  leave({ connection }: Reservation): void {
    if (!this.#init.admission.isCarrier(connection) || connection.streams.length > 0) return
    void connection.close().catch((err: Error) => connection.abort(err))
  }

  documents(keeper: Pick<RelayKeeper, 'refusal' | 'isAsking'>): CarrierDocument[] {
    return [...this.#addresses].map(([peerId, addresses]) => ({
      peerId,
      addresses: addresses.map(String),
      circuits: this.#circuits(peerId),
      ...this.#stateOf(peerId, keeper)
    }))
  }

  /** Of those that gave no place. */
  warnings(keeper: Pick<RelayKeeper, 'refusal' | 'isAsking'>): Status['warnings'] {
    return this.documents(keeper).flatMap(({ state, code = '', reason = '', hint = '' }) =>
      state === 'refused' ? [{ code, message: reason, hint }] : []
    )
  }

  #stateOf(peer: string, keeper: Pick<RelayKeeper, 'refusal' | 'isAsking'>): State {
    const place = this.#init.host.services.relay.held.all().find(({ relay }) => relay.toString() === peer)
    if (place !== undefined) {
      const { bytes, seconds } = place.limit ?? {}
      return { state: 'held', untilMs: place.expiresMs, ...limitOf({ bytes, seconds }) }
    }
    if (keeper.isAsking(peer)) return { state: 'asking' }
    const refusal = keeper.refusal(peer)
    if (refusal === undefined) return { state: 'unused' }
    const { error, untilMs } = refusal
    return { state: 'refused', code: error.code, reason: error.message, hint: error.hint, retryMs: untilMs }
  }

  #circuits(peer: string): number {
    return this.#init.host.getConnections().filter((one) => circuitMeter(one)?.carrier === peer).length
  }

  #connections(peer: PeerId): Connection[] {
    const { host, admission } = this.#init
    return host.getConnections(peer).filter((one) => one.status === 'open' && admission.isCarrier(one))
  }
}

const limitOf = ({ bytes, seconds }: { bytes?: number | undefined; seconds?: number | undefined }) => ({
  ...(bytes === undefined ? {} : { limitBytes: bytes }),
  ...(seconds === undefined ? {} : { limitSeconds: seconds })
})

/** What of a carrier's limits a connection has used; undefined for every connection that runs through none. */
export const carrierUseOf = (connection: Pick<Connection, 'limits'>): CarrierUse | undefined => {
  const meter = circuitMeter(connection)
  if (meter === undefined) return undefined
  const { carrier: peerId, limit, usedBytes, ageMs } = meter
  const { bytes, seconds } = limit
  return { peerId, ...limitOf({ bytes, seconds }), usedBytes, usedSeconds: Math.round(ageMs / 1_000) }
}
