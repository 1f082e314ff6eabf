import { tcpObserver, tcpPunch, type TcpPunch } from '@agent-mesh/transport-tcp-punch'
import { healthTopic, protocols, recordsTopic, syncTopic } from '@agent-mesh/wire'
import { createLibp2p, type Libp2p, type Libp2pInit } from 'libp2p'
import {
  admission,
  agentDht,
  dialParts,
  join,
  memberGossip,
  memberOnly,
  memberProtocols,
  memberServices,
  peerStoreDefaults,
  StrangerLimits,
  type AdmissionService,
  type AgentDht,
  type DialParts,
  type JoinService,
  type JoinServiceInit,
  type MemberProtocols,
  type RecordBook,
  type RevocationKeeper
} from '@agent-mesh/control-plane'
import type { GossipSub } from '@libp2p/gossipsub'
import type { Identify } from '@libp2p/identify'
import type { ConnectionGater } from '@libp2p/interface'
import type { Ping } from '@libp2p/ping'
import { carriersOf } from '../config/carriers.ts'
import type { Config } from '../config/schema.ts'
import type { Credentials } from '../state/credentials.ts'
import { version } from '../version.ts'
import { boundAddresses, type BoundAddresses } from './bound-addresses.ts'
import { readDefaultGateway } from './default-gateway.ts'
import { isLoopbackOnly, lan, type Lan } from './lan.ts'
import { portMapping, type PortMapping } from './port-mapping.ts'
import { noteProtocolsOnce } from './noted-protocols.ts'
import { quietLogger } from './quiet-logger.ts'
import { hostRelay, type HostRelay } from './relay.ts'
import { transport } from './transport.ts'
import { bindAddressOf, webRtc, type WebRtc } from './webrtc.ts'

interface Services extends Record<string, unknown> {
  admission: AdmissionService
  join: JoinService
  members: MemberProtocols
  bound: BoundAddresses
  identify: Identify
  ping: Ping
  dht: AgentDht
  dialParts: DialParts
  pubsub: GossipSub
  /** Unless the configuration turns it off. */
  webrtc?: WebRtc
  /** Likewise, and unless the node listens on the loopback alone. */
  lan?: Lan
  portMapping?: PortMapping
  relay: HostRelay
  punch: TcpPunch
}

export type Host = Libp2p<Services>

export interface HostInit {
  credentials: Credentials
  config: Config
  /** With the ports of earlier starts. */
  listen: string[]
  book: RecordBook
  revocations: Pick<RevocationKeeper, 'isRevoked' | 'digest'>
  /** Takes what libp2p counts. */
  metrics: NonNullable<Libp2pInit['metrics']>
  /** Of the policy that this node holds; 0 is none. */
  policyVersion: () => number
  joins: Pick<JoinServiceInit, 'sealKeyOf' | 'redeem' | 'connect'>
  /** Members that answer STUN, `host:port`, beside the servers of the configuration; read at every attempt. */
  stunServers?: () => readonly string[]
  gater?: ConnectionGater
}

/** Healthy peers whose event loop is blocked for some seconds must not lose their connections. */
const pingTimeoutMs = 20_000
/**
 * libp2p opens a stream on every connection for it, each ten seconds unless told: with fifty connections half of all that an
 * idle node does, and what it sends for it grows with their number. Health probes neighbours on streams that stay open, and
 * paths in use are asked as well; this is for connections that nobody else looks at.
 */
const pingIntervalMs = 180_000

/** The libp2p host of a member, not started: everything but hello and join is behind member-only views. */
export const createHost = async ({
  credentials,
  config,
  listen,
  book,
  revocations,
  metrics,
  policyVersion,
  joins,
  stunServers = () => [],
  gater = {}
}: HostInit): Promise<Host> => {
  const { key, networkId, networkKey } = credentials
  const { prefix, punch, observed } = protocols(networkId)
  const { most, from_one_host_per_second: perSecond, pending } = config.connections
  const strangers = new StrangerLimits({
    rates: { connectionsPerSecond: perSecond, pendingConnections: pending },
    gater
  })
  const agent = `mesh-node/${version}`
  const logger = quietLogger()
  const bindAddress = bindAddressOf(listen)
  const webRtcInit = {
    networkId,
    stunServers: () => [...config.webrtc.stun, ...stunServers()],
    ...(bindAddress === undefined ? {} : { bindAddress })
  }
  const relay = hostRelay(config.relay)
  const { transports, connectionEncrypters, ...channel } = transport()
  const host = await createLibp2p<Services>({
    privateKey: key,
    start: false,
    nodeInfo: { userAgent: agent },
    addresses: { listen, announce: config.announce },
    ...(logger === undefined ? {} : { logger }),
    ...channel,
    transports: [...transports, relay.transport],
    connectionEncrypters: [...connectionEncrypters, tcpObserver(observed)],
    metrics,
    connectionGater: strangers.connectionGater,
    connectionManager: {
      maxConnections: most,
      inboundConnectionThreshold: perSecond,
      maxIncomingPendingConnections: pending,
      reconnectRetries: 0
    },
    connectionMonitor: {
      protocolPrefix: prefix,
      pingInterval: pingIntervalMs,
      pingTimeout: { minTimeout: pingTimeoutMs, maxTimeout: 2 * pingTimeoutMs }
    },
    peerStore: peerStoreDefaults,
    services: {
      admission: admission({
        networkId,
        networkKey,
        agent,
        chain: () => credentials.membership.chain,
        isDenied: (_, membership) =>
          membership !== undefined && revocations.isRevoked(membership) ? 'REVOKED' : undefined,
        policyVersion,
        revocationsHash: () => revocations.digest(),
        carriers: new Set(carriersOf(config.relay.carriers).keys()),
        gate: strangers
      }),
      join: join({ networkId, limits: strangers, ...joins }),
      members: memberProtocols(),
      bound: boundAddresses,
      ...memberServices(networkId),
      dialParts: dialParts(),
      ...(config.webrtc.enabled ? { webrtc: memberOnly(webRtc(webRtcInit), 'registrar') } : {}),
      ...(config.mdns && !isLoopbackOnly(listen) ? { lan: lan(networkId) } : {}),
      ...(config.port_mapping ? { portMapping: portMapping({ gateway: readDefaultGateway }) } : {}),
      relay: relay.service,
      dht: memberOnly(agentDht({ networkId, book }), 'all'),
      punch: memberOnly(tcpPunch({ protocol: punch, observedProtocol: observed }), 'connections'),
      pubsub: memberGossip({
        networkId,
        topics: [recordsTopic(networkId), syncTopic(networkId), healthTopic(networkId)]
      })
    }
  })
  noteProtocolsOnce(host.peerStore)
  return host
}
