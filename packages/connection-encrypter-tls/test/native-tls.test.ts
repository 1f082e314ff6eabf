import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2p } from 'libp2p'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { nativeTls } from '@agent-mesh/connection-encrypter-tls'
import type { Connection, Stream } from '@libp2p/interface'

const hosts: Libp2p[] = []

const encrypters = { native: nativeTls, stock: tls }

type Kind = keyof typeof encrypters

const start = async (kind: Kind): Promise<Libp2p> => {
  const host = await createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [encrypters[kind]()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: 1_000 },
    connectionMonitor: { enabled: false }
  })
  hosts.push(host)
  return host
}

afterEach(async () => {
  await Promise.all(hosts.splice(0).map(async (host) => host.stop()))
})

const protocol = '/test/echo/1.0.0'

/** Sends back what comes, at the pace at which it can be sent. */
const echo = (stream: Stream): void => {
  stream.addEventListener('message', ({ data }) => {
    if (!stream.send(data)) {
      stream.pause()
      stream.addEventListener('drain', () => stream.resume(), { once: true })
    }
  })
  stream.addEventListener('remoteCloseWrite', () => void stream.close())
}

/** The server's end of a connection comes a moment after the client's. */
const connectionOf = async (host: Libp2p): Promise<Connection> =>
  vi.waitFor(() => {
    const [connection] = host.getConnections()
    if (connection === undefined) throw new Error('no connection yet')
    return connection
  })

const exchange = async (stream: Stream, bytes: Uint8Array): Promise<Buffer> => {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const received: Uint8Array[] = []
  let count = 0
  stream.addEventListener('message', ({ data }) => {
    received.push(data.subarray())
    count += data.byteLength
    if (count === bytes.length) resolve(Buffer.concat(received))
  })
  stream.addEventListener('close', ({ error }) => reject(error ?? new Error('closed')))
  stream.send(bytes)
  return promise
}

describe.each<[Kind, Kind]>([
  ['native', 'native'],
  ['native', 'stock'],
  ['stock', 'native']
])('a %s client and a %s server', (client, server) => {
  it('carry bytes both ways over a muxer that the handshake chose', async () => {
    const [caller, callee] = [await start(client), await start(server)]
    await callee.handle(protocol, echo)
    const connection = await caller.dial(callee.getMultiaddrs())
    expect(connection.encryption).toBe('/tls/1.0.0')
    expect(connection.multiplexer).toMatch(/yamux/)
    expect(connection.remotePeer.equals(callee.peerId)).toBe(true)
    const back = await connectionOf(callee)
    expect(back.remotePeer.equals(caller.peerId)).toBe(true)
    const bytes = Buffer.alloc(3_000_000, 'abcdefg')
    const stream = await connection.newStream(protocol)
    expect((await exchange(stream, bytes)).equals(bytes)).toBe(true)
  })

  it('hear of each other’s end', async () => {
    const [caller, callee] = [await start(client), await start(server)]
    const connection = await caller.dial(callee.getMultiaddrs())
    const back = await connectionOf(callee)
    const ended = once(connection, 'close')
    await back.close()
    await ended
    expect(caller.getConnections()).toEqual([])
    const again = await caller.dial(callee.getMultiaddrs())
    const other = await connectionOf(callee)
    const reset = once(other, 'close')
    again.abort(new Error('enough'))
    await reset
    expect(callee.getConnections()).toEqual([])
  })
})

it('messages of all sizes arrive as they were sent, in one turn of the event loop or in many', async () => {
  const [caller, callee] = [await start('native'), await start('native')]
  await callee.handle(protocol, echo)
  const stream = await (await caller.dial(callee.getMultiaddrs())).newStream(protocol)
  // around the sizes of the memory that writes are gathered in
  const sizes = [1, 63, 64, 65, 1_023, 8_100, 8_191, 8_192, 8_193, 20_000, 147_455, 147_456, 147_457, 12]
  const messages = [...sizes, ...sizes.toReversed(), ...sizes].map((size) => randomBytes(size))
  const received: Uint8Array[] = []
  stream.addEventListener('message', ({ data }) => received.push(data.slice()))
  for (const [at, message] of messages.entries()) {
    stream.send(message)
    if (at % 5 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const sent = Buffer.concat(messages)
  await vi.waitFor(() => expect(received.reduce((sum, { length }) => sum + length, 0)).toBe(sent.length), 5_000)
  expect(Buffer.concat(received).equals(sent)).toBe(true)
})

describe('a connection that is closed while it has streams', () => {
  it('ends in order on both sides, and what was sent before is not lost', async () => {
    const [caller, callee] = [await start('native'), await start('native')]
    const { promise: heard, resolve } = Promise.withResolvers<number>()
    await callee.handle(protocol, (stream) => {
      let bytes = 0
      stream.addEventListener('message', ({ data }) => {
        bytes += data.byteLength
      })
      stream.addEventListener('remoteCloseWrite', () => {
        resolve(bytes)
        void stream.close()
      })
    })
    const connection = await caller.dial(callee.getMultiaddrs())
    const stream = await connection.newStream(protocol)
    const back = await connectionOf(callee)
    const ended = Promise.all([once(connection, 'close'), once(back, 'close')])
    stream.send(Buffer.alloc(100_000))
    await connection.close()
    await ended
    expect(await heard).toBe(100_000)
    expect([connection.status, back.status]).toEqual(['closed', 'closed'])
  })
})

describe('a host that is not who was expected', () => {
  it('is refused, again and again, and the process that refuses it lives', async () => {
    const [caller, callee, other] = [await start('native'), await start('native'), await start('native')]
    const [address] = callee.getMultiaddrs()
    if (address === undefined) throw new Error('the host has no address')
    const wrong = address.decapsulate('/p2p').encapsulate(`/p2p/${other.peerId.toString()}`)
    for (let round = 0; round < 30; round++)
      await expect(caller.dial(wrong)).rejects.toThrow(/does not match expected remote identity key/)
    await vi.waitFor(() => expect(callee.getConnections().length).toBe(0))
  })
})
