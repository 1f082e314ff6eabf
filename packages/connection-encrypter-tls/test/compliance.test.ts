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
  const { promise, resolve } = Promise.withResolvers<MultiaddrConnection>()
  const listener = transport.createListener({
    upgrader: { upgradeInbound: async (connection: MultiaddrConnection) => resolve(connection) }
  })
  await listener.listen(multiaddr('/ip4/127.0.0.1/tcp/0'))
  const [address] = listener.getAddrs()
  const outbound = await transport.dial(address, {
    signal: AbortSignal.timeout(10_000),
    upgrader: { upgradeOutbound: async (connection: MultiaddrConnection) => connection }
  })
  listeners.push(listener)
  return { inbound: await promise, outbound }
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
      setup: async ({ privateKey } = {}) => overTcp((await partsOf(privateKey)).encrypter),
      teardown
    })
  })

  describe('on connections that have no socket', () => {
    offer()
    encrypterSuite({ setup: async ({ privateKey } = {}) => (await partsOf(privateKey)).encrypter, teardown })
  })
})
