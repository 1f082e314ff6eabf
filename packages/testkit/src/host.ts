import { generateKeyPair } from '@libp2p/crypto/keys'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2pOptions, type ServiceFactoryMap } from 'libp2p'
import {
  admission,
  memberServices,
  StrangerLimits,
  type AdmissionInit,
  type AdmissionService,
  type StrangerRates
} from '@agent-mesh/control-plane'
import { protocols } from '@agent-mesh/wire'
import type { Libp2p, PrivateKey, ServiceMap } from '@libp2p/interface'
import type { TestMember, TestNetwork } from './network.ts'

/** All nodes of a test share one address, for which no limit of strangers is made. */
export const openRates: StrangerRates = {
  pendingConnections: 10_000,
  connectionsPerSecond: 100_000,
  joinsPerMinutePerHost: 100_000,
  joinsPerMinute: 100_000,
  joinsInProgress: 10_000
}

/** libp2p service factories, each with the components that it reads itself. */
export type ServiceFactories = Record<string, (components: never) => unknown>

/** What they make. */
export type Built<F extends ServiceFactories> = { [Name in keyof F]: ReturnType<F[Name]> }

// oxlint-disable-next-line typescript/no-generated-empty-object-type -- no service is what is meant
type NoServices = Record<never, never>

export interface HostInit<F extends ServiceFactories = NoServices> {
  network: Pick<TestNetwork, 'networkId' | 'networkKey'>
  /** Default: that of the member, or a new one. */
  privateKey?: PrivateKey
  services?: F
  rates?: Partial<StrangerRates>
  /** Default: one free port of 127.0.0.1. */
  listen?: string[]
  /** Beside TCP. */
  transports?: NonNullable<Libp2pOptions['transports']>
  libp2p?: Libp2pOptions
}

export interface MemberHostInit<F extends ServiceFactories = NoServices> extends HostInit<F> {
  member: Pick<TestMember, 'privateKey' | 'chain'>
  admission?: Partial<AdmissionInit>
}

export type MemberServices = { admission: AdmissionService } & Built<ReturnType<typeof memberServices>>

export interface TestHost<S extends ServiceMap = ServiceMap> {
  libp2p: Libp2p<S>
  limits: StrangerLimits
  stop: () => Promise<void>
}

/** As the libp2p streams of the mesh: a window larger than the read buffer would abort a stream that is paused. */
const windowBytes = 4 * 1024 * 1024

const start = async <S extends ServiceMap>(
  { network, privateKey, transports = [], listen = ['/ip4/127.0.0.1/tcp/0'], libp2p = {} }: Omit<HostInit, 'services'>,
  limits: StrangerLimits,
  services: ServiceFactories
): Promise<TestHost<S>> => {
  const node = await createLibp2p<S>({
    addresses: { listen },
    transports: [tcp(), ...transports],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: windowBytes } })],
    connectionGater: limits.connectionGater,
    connectionMonitor: { protocolPrefix: protocols(network.networkId).prefix },
    connectionManager: { inboundConnectionThreshold: 100_000, maxIncomingPendingConnections: 10_000 },
    ...libp2p,
    ...(privateKey === undefined ? {} : { privateKey }),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the callers name what their factories make
    services: services as unknown as ServiceFactoryMap<S>
  })
  const stop = async (): Promise<void> => {
    // libp2p waits half a second for every connection that the other side does not close as well
    for (const connection of node.getConnections()) connection.abort(new Error('the test is over'))
    await node.stop()
  }
  return { libp2p: node, limits, stop }
}

/**
 * A libp2p host on 127.0.0.1 over TCP, noise and yamux: a member, with `admission`, `identify`, `identifyPush` and
 * `ping` beside the services that are given; one of the same name replaces the usual one.
 */
export const createHost = async <F extends ServiceFactories = NoServices>(
  init: MemberHostInit<F>
): Promise<TestHost<MemberServices & Built<F>>> => {
  const { network, member, services, rates, ...rest } = init
  const limits = new StrangerLimits({ rates: { ...openRates, ...rates } })
  const { networkId, networkKey } = network
  return start({ network, privateKey: member.privateKey, ...rest }, limits, {
    admission: admission({
      networkId,
      networkKey,
      chain: () => member.chain,
      agent: 'test',
      gate: limits,
      ...init.admission
    }),
    ...memberServices(networkId),
    ...services
  })
}

/** A libp2p host without admission, which speaks what it is given and nothing else. */
export const createStranger = async <F extends ServiceFactories = NoServices>(
  init: HostInit<F>
): Promise<TestHost<Built<F>>> => {
  const { services, rates, ...rest } = init
  const limits = new StrangerLimits({ rates: { ...openRates, ...rates } })
  const privateKey = init.privateKey ?? (await generateKeyPair('Ed25519'))
  return start({ ...rest, privateKey }, limits, services ?? {})
}
