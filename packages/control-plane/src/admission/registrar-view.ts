import { overlay } from './overlay.ts'
import type { Connection, Logger, PeerId, StreamHandler, Topology } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import type { AdmissionService } from './admission-service.ts'
import type { AdmissionChange } from './interface.ts'

/** Looked up when it is needed: services are built one after the other. */
export type FindAdmission = () => AdmissionService

/** For whom a view is open at once, beside whoever waits for the end of its hello. */
export type LetIn = (admission: AdmissionService, connection: Connection) => boolean

export const membersOnly: LetIn = (admission, connection) => admission.isAdmitted(connection)

/** Members, and the relays of other networks that this node uses. */
export const andCarriers: LetIn = (admission, connection) =>
  admission.isAdmitted(connection) || admission.isCarrier(connection)

/** A stream reaches its handler when its connection is admitted; until then it waits. */
const memberHandler =
  (handler: StreamHandler, find: FindAdmission, isLetIn: LetIn): StreamHandler =>
  async (stream, connection) => {
    const admission = find()
    if (!isLetIn(admission, connection)) await admission.held.hold(stream, connection)
    if (stream.status === 'open') await handler(stream, connection)
  }

/**
 * One topology that hears of admitted peers only, and of each one at most once at a time: libp2p tells it that a
 * peer is gone after a look into the peer store, when the peer may be back already.
 */
class MemberTopology {
  readonly topology: Topology
  readonly #behind: Topology
  readonly #find: FindAdmission
  readonly #log: Logger
  readonly #present = new Set<string>()

  constructor(behind: Topology, find: FindAdmission, log: Logger) {
    this.#behind = behind
    this.#find = find
    this.#log = log
    const { filter, notifyOnLimitedConnection } = behind
    this.topology = {
      ...(filter === undefined ? {} : { filter }),
      ...(notifyOnLimitedConnection === undefined ? {} : { notifyOnLimitedConnection }),
      onConnect: async (peer, connection) => this.#connect(peer, connection),
      onDisconnect: async (peer) => {
        if (!this.#find().has(peer)) await this.#disconnect(peer)
      }
    }
  }

  readonly onChange = (change: AdmissionChange, peer: PeerId, connection: Connection): void => {
    if (change === 'admit' || !this.#present.has(peer.toString())) return
    this.#run(async () => {
      await this.#disconnect(peer)
      if (change === 'replaced') await this.#connect(peer, connection)
    })
  }

  async #connect(peer: PeerId, connection: Connection): Promise<void> {
    const admission = this.#find()
    if (!admission.isAdmitted(connection)) {
      await admission.waitFor(connection).catch((err: unknown) => this.#log('%p is not shown - %e', peer, err))
      if (!admission.isAdmitted(connection)) return
    }
    this.#present.add(peer.toString())
    await this.#behind.onConnect?.(peer, connection)
  }

  async #disconnect(peer: PeerId): Promise<void> {
    if (!this.#present.delete(peer.toString())) return
    this.#behind.filter?.remove(peer)
    await this.#behind.onDisconnect?.(peer)
  }

  #run(task: () => Promise<void>): void {
    task().catch((err: unknown) => this.#log.error('a topology failed - %e', err))
  }
}

/** The registrar as a service may see it: streams and peers of members. */
export const memberRegistrar = (
  registrar: Registrar,
  find: FindAdmission,
  log: Logger,
  isLetIn: LetIn = membersOnly
): Registrar => {
  const stopListening = new Map<string, () => void>()
  return overlay(registrar, {
    handle: async (protocol, handler, options) =>
      registrar.handle(protocol, memberHandler(handler, find, isLetIn), options),
    register: async (protocol, behind, options) => {
      const { topology, onChange } = new MemberTopology(behind, find, log)
      const id = await registrar.register(protocol, topology, options)
      stopListening.set(id, find().onChange(onChange))
      return id
    },
    unregister: (id) => {
      stopListening.get(id)?.()
      stopListening.delete(id)
      registrar.unregister(id)
    }
  })
}
