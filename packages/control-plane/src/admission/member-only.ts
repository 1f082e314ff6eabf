import { memberConnections } from './connections-view.ts'
import { boundDiscovery } from './named-peers.ts'
import { memberPeerStore } from './peer-store-view.ts'
import { livingProviders } from './providers-view.ts'
import { andCarriers, memberRegistrar, type FindAdmission } from './registrar-view.ts'
import type { ComponentLogger, PeerStore } from '@libp2p/interface'
import type { ConnectionManager, Registrar } from '@libp2p/interface-internal'
import type { Ping } from '@libp2p/ping'
import type { Datastore } from 'interface-datastore'
import type { AdmissionService } from './admission-service.ts'

/** The parts of a host that the views are made of. */
export interface HostParts {
  admission: AdmissionService
  registrar: Registrar
  connectionManager: ConnectionManager
  peerStore: PeerStore
  datastore: Datastore
  ping: Ping
  logger: ComponentLogger
}

/**
 * `registrar`: streams and topologies; for ping, identify and the relay, whose outbound side is asked for peer by peer.
 * `connections`: and the connection manager; for services that speak to whoever is connected, such as identify push.
 * `circuits`: as `connections`, and carriers; for the transport through relays.
 * `all`: and ping, peer store and datastore; for services that pass peers on or look for them: kad-dht, gossipsub.
 */
export type MemberParts = 'registrar' | 'connections' | 'circuits' | 'all'

export interface MemberOnlyOptions {
  /** How long a provider stands without being announced again; as the DHT's own `validity`. */
  providerValidityMs?: number
}

/** Views are built when they are asked for: of the services, some are built after the one that asks. */
const views = (host: HostParts, parts: MemberParts, options: MemberOnlyOptions) => {
  const find: FindAdmission = () => host.admission
  const log = host.logger.forComponent('agent-mesh:member-only')
  const { providerValidityMs } = options
  const isLetIn = parts === 'circuits' ? andCarriers : undefined
  const connections = (): ConnectionManager => memberConnections(host.connectionManager, find, isLetIn)
  return {
    registrar: () => memberRegistrar(host.registrar, find, log, isLetIn),
    connectionManager: connections,
    peerStore: () => memberPeerStore(host.peerStore, find),
    datastore: () =>
      livingProviders({
        datastore: host.datastore,
        peerStore: () => host.peerStore,
        admission: find,
        ...(providerValidityMs === undefined ? {} : { validityMs: providerValidityMs })
      }),
    /** kad-dht judges by a ping whether a peer that was named is worth its table. */
    ping: (): Ping => ({
      ping: async (target, pingOptions) => {
        const { remotePeer } = await connections().openConnection(target, pingOptions)
        return host.ping.ping(remotePeer, pingOptions)
      }
    })
  }
}

const partsOf = {
  registrar: ['registrar'],
  connections: ['registrar', 'connectionManager'],
  circuits: ['registrar', 'connectionManager'],
  all: ['registrar', 'connectionManager', 'peerStore', 'datastore', 'ping']
} as const satisfies Record<MemberParts, readonly (keyof ReturnType<typeof views>)[]>

/**
 * A factory of a libp2p service or transport, whose product sees members only. The service `admission` has to be
 * configured on the same host, under that name.
 */
export const memberOnly =
  <C extends object, S>(
    factory: (components: C) => S,
    parts: MemberParts,
    options: MemberOnlyOptions = {}
  ): ((components: C) => S) =>
  (components) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a factory is typed by the parts that it reads itself
    const host = components as C & HostParts
    const all = views(host, parts, options)
    const hidden = new Map<PropertyKey, () => unknown>(partsOf[parts].map((name) => [name, once<unknown>(all[name])]))
    const seen = new Proxy(components, {
      get: (target, name): unknown => {
        const view = hidden.get(name)
        return view === undefined ? Reflect.get(target, name) : view()
      },
      set: (_, name) => {
        throw new TypeError(`${String(name)} of the host cannot be replaced from within a service`)
      }
    })
    const service = factory(seen)
    if (parts === 'all' && typeof service === 'object' && service !== null)
      boundDiscovery(service, () => host.admission.named)
    return service
  }

const once = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined
  return () => (made ??= { value: make() }).value
}
