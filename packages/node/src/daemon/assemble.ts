import type { Multiaddr } from '@multiformats/multiaddr'
import { limits, protocols } from '@agent-mesh/wire'
import { createDataPlane, type DataPlane } from '@agent-mesh/data-plane'
import {
  abortable,
  circuitMeter,
  createDialler,
  createDiscovery,
  createPathMemory,
  createRecordGossip,
  createReplication,
  createResolver,
  pathClassOf,
  type PolicyKeeper,
  type RecordBook,
  type Replica,
  type RevocationKeeper,
  type RunningDiscovery,
  type RunningReplication,
  type Taxonomy
} from '@agent-mesh/control-plane'
import type { Setting } from '@agent-mesh/wire/api'
import type { Config } from '../config/schema.ts'
import type { Host } from '../host/create-host.ts'
import type { StateFiles } from '../state/documents.ts'
import type { Identity } from '../state/identity.ts'
import type { VerbStore } from '../state/verb-store.ts'
import { Audit } from './audit.ts'
import { directoryOf, kindOf } from './directory.ts'
import { createNodeHealth } from './health.ts'
import { Doors } from './doors.ts'
import { withoutPeerId } from './endpoint.ts'
import { levelOf, type EventBus } from './event-bus.ts'
import { FirstComparison } from './first-comparison.ts'
import type { Invitations } from './invitations.ts'
import { Why } from '../why/why.ts'
import type { Issuance } from './issuance.ts'
import { LanPeers } from './lan-peers.ts'
import { MeshNode } from './mesh-node.ts'
import { createMetering } from './metering.ts'
import { Offers } from './offers.ts'
import { createNodePaths } from './paths.ts'
import { Policies } from './policies.ts'
import { NodeProxies } from './proxies.ts'
import { Reach } from './reach.ts'
import { NodeRules } from './rules.ts'
import { createSelfHealth } from './self-health.ts'
import { announcePeers } from './comings-and-goings.ts'
import { createRelaying } from './relaying.ts'
import { openThrough } from './stream-dialer.ts'
import { createStanding } from './standing.ts'
import { vocabularyOf } from './vocabulary.ts'
import type { Memory } from './remember.ts'
import type { Underlay } from './underlay.ts'
import { createNodeWatch } from './underlay-watch.ts'
import { rememberMembers } from './remembered-members.ts'
import type { Meter } from '../metrics/meter.ts'
import { timedDialler, timedDiscovery } from '../metrics/timing.ts'
import { upkeepOf } from './upkeep.ts'

export interface AssembleInit {
  stateDir: string
  files: StateFiles
  startedMs: number
  config: Config
  settings: Setting[]
  credentials: Identity
  verbs: VerbStore
  memory: Memory
  events: EventBus
  host: Host
  book: RecordBook
  taxonomy: Taxonomy | undefined
  invitations: Invitations
  keeper: PolicyKeeper
  /** What every member holds a copy of. */
  replicas: Replica[]
  issuance: Issuance
  revocations: RevocationKeeper
  meter: Meter
  underlay: Underlay
  /** For the choice among equal agents. */
  random?: () => number
  /** Closes everything, this node included. */
  onStop: () => Promise<void>
}

export interface Assembled {
  local: MeshNode
  discovery: RunningDiscovery
  replication: RunningReplication
  /** Once the host listens. */
  start: () => Promise<void>
  /** While the host still runs: says goodbye, drains, closes the doors. */
  close: () => Promise<void>
}

/** Longest wait for the goodbye of a stopping node. Whom it does not reach takes it for dead. */
const goodbyeTimeoutMs = 2_000

/** Puts the planes of one node together and gives what the local API calls. */
export const assemble = (init: AssembleInit): Assembled => {
  const {
    stateDir,
    files,
    startedMs,
    settings,
    config,
    credentials,
    verbs,
    memory,
    events,
    host,
    book,
    taxonomy,
    invitations,
    keeper,
    replicas,
    issuance,
    revocations,
    meter,
    onStop
  } = init
  const { networkId, key } = credentials
  const { admission, dht, dialParts, ping, pubsub } = host.services
  const self = credentials.membership.peerId
  const addresses = (): Multiaddr[] => host.getMultiaddrs()
  const untimed = createDiscovery({
    dht,
    book,
    admission,
    networkId,
    self,
    privateKey: key,
    membership: () => credentials.membership,
    confirmedMs: limits.recordTtlMs / 2,
    sequence: {
      load: async () => verbs.state.sequence,
      save: async (sequence) => verbs.update((state) => ({ ...state, sequence }))
    },
    onPublished: (report) => {
      offers.noteStored(report)
      recordGossip.announce()
      events.emit('debug', 'record:published', { storedBy: report.storedBy, sequence: report.sequence })
    },
    onPublishFailed: (error) => {
      offers.noteFailed(error)
      events.emit('debug', 'record:unpublished', { code: error.code, message: error.message })
    }
  })
  const discovery = timedDiscovery(meter, untimed)
  const recordGossip = createRecordGossip({ pubsub, book, networkId, self })
  const replication = createReplication({
    replicas,
    networkId,
    self,
    admission,
    pubsub,
    onChange: (kind, from) => events.emit('info', 'sync:changed', { kind, peer: from.toString() }),
    onRefused: (kind, from, code) => events.emit('warn', 'sync:refused', { kind, peer: from.toString(), code }),
    onSyncFailed: (peer, code) =>
      events.emit(code === 'INTERNAL' ? 'error' : 'debug', 'sync:failed', { peer: peer.toString(), code })
  })
  const paths = createPathMemory()
  const resolver = createResolver({
    health: { of: (peer) => health.view.of(peer) },
    discovery,
    admission,
    self,
    paths,
    mayUse: (callee, service, capabilities) => rules.mayUse(callee, service, capabilities),
    hasAddresses: async (peer) => memory.peers.get(peer.toString()) !== undefined || (await host.peerStore.has(peer))
  })
  const plainDialler = createDialler({
    self,
    host: dialParts,
    admission,
    discovery,
    memory: memory.peers,
    choose: (peer, open) => nodePaths.choose(peer, open),
    isDirectOnly: config.paths.direct_only
  })
  const nodePaths = createNodePaths(init, {
    dialler: plainDialler,
    trafficOf: (peer) => dataPlane.tunnels.trafficOf(peer.toString()),
    onDoubted: (peer) => watch.suspect(peer),
    onMoved: () => {
      host.services.bound.refresh()
      host.services.portMapping?.refresh()
      relaying.moved()
      void offers.publishNow().catch(() => {})
    }
  })
  const dialler = timedDialler(meter, plainDialler, admission)
  const watch = createNodeWatch(init, { paths: nodePaths, health: () => health.view, tunnels: () => dataPlane.tunnels })
  const audit = new Audit({ stateDir, config: config.audit, self, admission, events })
  const rules = new NodeRules({
    identity: credentials,
    admission,
    book,
    keeper,
    revocations,
    audit,
    events,
    capabilitiesOf: (service) => offers.capabilitiesOf(service),
    allow: (service) => offers.allowOf(service)
  })
  const { authorizer } = rules
  const dataPlane: DataPlane = createDataPlane({
    resolver,
    authorizer,
    dialer: openThrough(nodePaths.forTunnels(dialler)),
    protocol: protocols(networkId).tunnel,
    pathOf: pathClassOf,
    allowanceOf: circuitMeter,
    callerOf: (peer) => authorizer.callerOf(peer),
    selfId: self.toString(),
    ...(init.random === undefined ? {} : { random: init.random }),
    events: paths,
    onUsed: (stream, connection) => admission.settle(connection, stream),
    onEvent: (what) => {
      audit.onTunnel(what)
      selfHealth.checks.onTunnel(what)
      const { event, ...fields } = what
      events.emit(levelOf(event), event, fields)
    }
  })
  const first = new FirstComparison({ admission, keeper, replication, serve: dataPlane.handler })
  const selfHealth = createSelfHealth({
    events,
    services: () => offers.weights(),
    tunnels: () => dataPlane.tunnels.inbound().length
  })
  const offers = new Offers({
    checks: selfHealth.checks,
    name: credentials.membership.name,
    verbs,
    config,
    table: dataPlane,
    ruleOf: (service) => authorizer.ruleOf(service),
    discovery,
    taxonomy,
    addresses: () => [...relaying.addresses(), ...addresses().map(withoutPeerId)]
  })
  const publish = (): void => void offers.publishNow().catch(() => {})
  const relaying = createRelaying(init, { self, dialler, plainDialler, nodePaths, dataPlane, publish })
  const doors = new Doors({ verbs, config, dataPlane, events, kindOf: (target) => kindOf(book, target) })
  const health = createNodeHealth(init, { dialler, discovery, about: selfHealth, watch })
  const proxies = new NodeProxies({ verbs, config, events, dataPlane, book, discovery, resolver, self })
  const reach = new Reach({
    health: health.view,
    suffix: config.proxy.suffix,
    self,
    admission,
    discovery,
    resolver,
    dialler,
    paths: nodePaths,
    protocol: protocols(networkId).underlay,
    watch,
    ping,
    lookupTimeoutMs: config.discovery.lookup_timeout,
    trafficOf: (peer) => dataPlane.tunnels.trafficOf(peer.toString())
  })
  const upkeep = upkeepOf({ self, admission, book, config, memory, dialler, events, health: health.view })
  const lanPeers = new LanPeers({ self, admission, dialler, events })
  const policies = new Policies({
    credentials: () => credentials,
    keeper,
    directory: async () => directoryOf(credentials.membership, admission, book),
    holders: () => replication.holders(keeper.kind),
    members: () => admission.members(),
    nameOf: (peer) => admission.membership(peer)?.name,
    announce: () => replication.announce(keeper.kind)
  })
  const standing = createStanding({
    identity: credentials,
    files,
    issuance,
    keeper: revocations,
    admission,
    book,
    discovery,
    dialler,
    members: host.services.members,
    events,
    announceRevocations: () => replication.announce(revocations.kind)
  })
  credentials.onRenewed(publish)
  const warnings = () => local.warnings()
  const metering = createMetering(init, { replication, dataPlane, offers, health, relaying, warnings })
  let isStarted = false
  const listeners: Array<() => void> = []
  const local = new MeshNode({
    stateDir,
    files,
    startedMs,
    settings,
    credentials,
    admission,
    audit,
    dataPlane,
    doors,
    events,
    invitations,
    issuance,
    standing,
    revocations,
    offers,
    policies,
    proxies,
    reach,
    health,
    underlay: init.underlay,
    relaying,
    watch,
    metering,
    vocabulary: () => vocabularyOf({ book, admission, own: credentials.membership, offers, doors }),
    why: new Why({
      health: health.verdict,
      self,
      own: () => credentials.membership,
      revocation: ({ peerId }) => rules.revocationOf(peerId),
      policy: rules.policyOf,
      admission,
      authorizer,
      dataPlane,
      dialler,
      discovery,
      offers,
      paths,
      ping,
      resolver
    }),
    addresses: () => [...addresses(), ...relaying.addresses()].map((address) => address.toString()),
    routingTableSize: () => dht.routingTable.size,
    knownPeers: () => memory.peers.ranked().length,
    stop: onStop
  })
  return {
    local,
    discovery,
    replication,
    start: async () => {
      isStarted = true
      audit.start()
      selfHealth.start()
      rules.start(dataPlane)
      listeners.push(
        rememberMembers(init),
        announcePeers(admission, events),
        admission.onChange((change, peer, _connection, error) => {
          if (change === 'gone') dataPlane.tunnels.closePeer(peer.toString(), error?.code ?? 'CONNECTION_LOST')
        })
      )
      await host.services.members.handle(protocols(networkId).tunnel, first.handler, dataPlane.handlerOptions)
      await host.services.members.handle(protocols(networkId).sync, replication.handler, replication.handlerOptions)
      replication.start()
      await nodePaths.start()
      await health.start()
      await watch.start()
      first.start()
      offers.start()
      await doors.start()
      await proxies.start()
      discovery.start()
      recordGossip.start()
      upkeep.start()
      lanPeers.start(host.services.lan)
      await standing.start()
      publish()
      await relaying.start()
    },
    close: async () => {
      if (!isStarted) return
      await standing.stop()
      selfHealth.stop()
      rules.stop()
      upkeep.stop()
      lanPeers.stop()
      await relaying.stop()
      first.stop()
      for (const stop of listeners.splice(0)) stop()
      const parting = AbortSignal.timeout(goodbyeTimeoutMs)
      const withdrawn = discovery.withdraw({ signal: parting }).finally(() => recordGossip.announce())
      const goodbye = abortable(Promise.allSettled([health.leave(), withdrawn]), parting).catch(() => {})
      watch.stop()
      nodePaths.stop()
      replication.stop()
      proxies.close()
      await dataPlane.stop({ drainTimeoutMs: config.drain_timeout })
      await goodbye
      health.stop()
      await audit.close()
      recordGossip.stop()
      discovery.stop()
      metering.stop()
    }
  }
}
