import { gossipsub, type GossipSub, type GossipSubComponents } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { kadDHT, passthroughMapper, type KadDHTInit } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { afterEach } from 'vitest'
import {
  createHost,
  createStranger,
  type HostInit,
  type TestHost,
  type TestMember,
  type TestNetwork
} from '@agent-mesh/testkit'
import { protocols, type HelloRequest } from '@agent-mesh/wire'
import { hearHello, sayHello } from '../../src/admission/hello-exchange.ts'
import { helloOf } from '../../src/admission/hello-message.ts'
import { messageStream } from '../../src/admission/message-stream.ts'
import { gossipDefaults, gossipProtocol, memberGossip, memberOnly, type AdmissionInit } from '../../src/index.ts'
import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import type { AdmissionService, Greeting } from '../../src/index.ts'

export const topic = 'talk'

const running = new Set<Pick<TestHost, 'stop'>>()

/** Stopped after the test. */
export const track = <T extends Pick<TestHost, 'stop'>>(host: T): T => {
  running.add(host)
  return host
}

afterEach(async () => {
  const hosts = [...running]
  running.clear()
  await Promise.all(hosts.map(async (host) => host.stop()))
})

const kadInit = ({ networkId }: TestNetwork): KadDHTInit => ({
  protocol: protocols(networkId).kad,
  clientMode: false,
  peerInfoMapper: passthroughMapper,
  initialQuerySelfInterval: 100,
  validators: { v: async () => {} },
  selectors: { v: () => 0 }
})

const rawGossip =
  ({ networkId }: TestNetwork) =>
  (components: GossipSubComponents) => {
    const service = gossipsub(gossipDefaults(networkId, [topic]))(components)
    service.protocols = [gossipProtocol(networkId)]
    return service
  }

/** Everything that a member serves, open to everyone: same ids, no gate. */
const rawServices = (network: TestNetwork) => {
  const protocolPrefix = protocols(network.networkId).prefix
  return {
    identify: identify({ protocolPrefix }),
    ping: ping({ protocolPrefix }),
    dht: kadDHT(kadInit(network)),
    pubsub: rawGossip(network)
  }
}

export interface FullMemberInit {
  network: TestNetwork
  member: TestMember
  admission?: Partial<AdmissionInit>
}

/** A DHT and gossip behind the views. */
export const fullServices = (network: TestNetwork) => ({
  dht: memberOnly(kadDHT(kadInit(network)), 'all'),
  pubsub: memberGossip({ networkId: network.networkId, topics: [topic] })
})

/** A member with a DHT and gossip behind the views. */
export const fullMember = async ({ network, member, admission = {} }: FullMemberInit) =>
  track(
    await createHost({
      network,
      member,
      admission,
      services: fullServices(network)
    })
  )

export type FullMember = Awaited<ReturnType<typeof fullMember>>

/** Speaks everything that members speak, and never says hello. */
export const silentStranger = async (network: TestNetwork, init: Partial<HostInit> = {}) =>
  track(await createStranger({ network, ...init, services: rawServices(network) }))

/** Speaks nothing unless it is told to. */
export const bareStranger = async (network: TestNetwork) => track(await createStranger({ network }))

export type Stranger = Awaited<ReturnType<typeof silentStranger>>

/** Whatever the other side shows is good enough. */
const takesAnything = async (hello: HelloRequest, peerId: PeerId): Promise<Greeting> => ({
  membership: {
    peerId,
    name: 'anyone',
    groups: [],
    notBeforeMs: 0,
    notAfterMs: Infinity,
    issuedMs: 0,
    serial: '',
    mayAdmit: false,
    isIssuedByRoot: false,
    isAdmin: false,
    policySignatures: 1,
    isEphemeral: false,
    issuer: peerId,
    chain: hello.chain
  },
  instanceId: '',
  policyVersion: 0,
  revocationsHash: new Uint8Array(),
  agent: '',
  isOnly: false
})

/** Says hello and hears hello with these certificates, and takes whatever the other side shows. */
export const sayHelloWith = async (host: Stranger, network: TestNetwork, chain: Uint8Array[]): Promise<void> => {
  const { hello } = protocols(network.networkId)
  const said = {
    chain,
    instanceId: new Uint8Array(16).fill(7),
    agent: 'impostor',
    policyVersion: 0,
    revocationsHash: new Uint8Array()
  }
  const party = (connection: Connection) => ({
    remotePeer: connection.remotePeer,
    hello: () => helloOf(said, Date.now(), false),
    check: async (heard: HelloRequest) => takesAnything(heard, connection.remotePeer),
    signal: AbortSignal.timeout(10_000)
  })
  await host.libp2p.handle(hello, async (stream, connection) => {
    await hearHello(stream, party(connection)).catch(() => {})
  })
  host.libp2p.addEventListener('connection:open', ({ detail: connection }) => {
    if (connection.direction !== 'outbound') return
    void connection
      .newStream(hello)
      .then(async (stream) => sayHello(stream, party(connection)))
      .catch(() => {})
  })
}

/** Both sides have admitted each other. */
export const isLinked = (a: FullMember, b: FullMember): boolean =>
  a.libp2p.services.admission.has(b.libp2p.peerId) && b.libp2p.services.admission.has(a.libp2p.peerId)

interface Dialler {
  libp2p: Pick<Libp2p<{ admission: AdmissionService }>, 'dial' | 'services'>
}

/** Dials and waits until the hello is finished on this side. */
export const link = async (from: Dialler, to: { libp2p: Pick<Libp2p, 'getMultiaddrs'> }): Promise<Connection> => {
  const connection = await from.libp2p.dial(to.libp2p.getMultiaddrs())
  await from.libp2p.services.admission.waitFor(connection)
  return connection
}

interface Table {
  find: (peer: PeerId) => Promise<PeerId | undefined>
  size: number
}

/** Typed away by the package. */
const hasTable = (dht: object): dht is { routingTable: Table } => 'routingTable' in dht

export const tableOf = ({ libp2p }: { libp2p: { services: { dht: object } } }): Table => {
  const { dht } = libp2p.services
  if (!hasTable(dht)) throw new TypeError('the DHT has no routing table')
  return dht.routingTable
}

export const inTable = async (host: Parameters<typeof tableOf>[0], peer: PeerId): Promise<boolean> =>
  (await tableOf(host).find(peer)) !== undefined

export const subscribersOf = (host: { libp2p: { services: { pubsub: GossipSub } } }): string[] =>
  host.libp2p.services.pubsub.getSubscribers(topic).map(String)

/** The parts of something that a test needs of it. */
export const partly = <T>(parts: Partial<T>): T => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is missing fails the test that reads it
  return parts as T
}

/** The next message on a stream. */
export const readMessage = async (stream: Stream): Promise<Uint8Array<ArrayBuffer>> => {
  const messages = messageStream(stream, { most: 65_536, code: 'TUNNEL_PROTOCOL', what: 'message' })
  return new Uint8Array(await messages.read(AbortSignal.timeout(2_000)))
}
