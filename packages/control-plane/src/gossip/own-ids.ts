import { overlay } from '../admission/overlay.ts'
import type { Connection, Stream, Topology } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'

export interface OwnId {
  /** Under which a service of libp2p knows what it speaks, and by which it tells versions apart. */
  standard: string
  /** Under which it is spoken here. */
  own: string
}

/** A stream that was opened under our id, as the service would have named it. */
const named = (stream: Stream, { standard }: OwnId): Stream => overlay(stream, { protocol: standard })

const connectionUnder = (connection: Connection, id: OwnId): Connection =>
  overlay(connection, {
    newStream: async (_, options) => named(await connection.newStream(id.own, options), id)
  })

const topologyUnder = (topology: Topology, id: OwnId): Topology =>
  overlay(topology, {
    onConnect: async (peer, connection) => topology.onConnect?.(peer, connectionUnder(connection, id))
  })

/** The registrar for a service that speaks one protocol: everybody else knows it by our id, the service by its own. */
export const registrarUnder = (registrar: Registrar, id: OwnId): Registrar =>
  overlay(registrar, {
    handle: async (_, handler, options) => registrar.handle(id.own, handler, options),
    unhandle: async (_, options) => registrar.unhandle(id.own, options),
    register: async (_, topology, options) => registrar.register(id.own, topologyUnder(topology, id), options)
  })
