/**
 * The channel of a node (TCP, its TLS or noise, its yamux) with hosts that are not ours: go-libp2p, and js-libp2p with
 * what it has in stock.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { transport } from '@agent-mesh/node/transport'
import { answerStream, callStream, digestEcho } from './harness/digest-echo.ts'
import { buildGo, whyNoGo } from './harness/go.ts'
import { startPeer, type Peer } from './harness/peer.ts'
import type { Connection } from '@libp2p/interface'

const sizeBytes = 16 * 1024 * 1024
const smallBytes = 1_000
const yamux = '/yamux/1.0.0'

/** Both ends of a connection come and go a moment apart; on a busy machine a long one. */
const patience = { timeout: 60_000 }

const noGo = await whyNoGo()
const goPeer = noGo === undefined ? await buildGo('peer') : ''
const whyGo = noGo === undefined ? '' : ` [${noGo}]`

const startGo = async (...args: string[]): Promise<Peer> => startPeer(goPeer, ...args)
const startStock = async (): Promise<Peer> =>
  startPeer(process.execPath, join(import.meta.dirname, 'harness/stock-peer.ts'))

const hosts: Libp2p[] = []
afterEach(async () => {
  await Promise.all(hosts.splice(0).map(async (host) => host.stop()))
})

/** A host with the channel of a node, and nothing else of it. */
const startOurs = async (): Promise<{ host: Libp2p; peerId: string; address: string }> => {
  const host = await createLibp2p({
    ...transport(),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    connectionGater: { denyDialMultiaddr: () => false },
    connectionMonitor: { enabled: false }
  })
  hosts.push(host)
  await host.handle(digestEcho, answerStream)
  return { host, peerId: host.peerId.toString(), address: String(host.getMultiaddrs()[0]) }
}

type Ours = Awaited<ReturnType<typeof startOurs>>

/** The end that we hold of the one connection; it comes a moment after the other. */
const ourEnd = async ({ host }: Ours): Promise<Connection> =>
  vi.waitFor(() => {
    const [connection, ...more] = host.getConnections()
    if (connection === undefined || more.length > 0) throw new Error(`there are ${more.length} more connections`)
    return connection
  }, patience)

const theirEnd = async (peer: Peer): Promise<Awaited<ReturnType<Peer['ask']>>['connections'][number]> =>
  vi.waitFor(async () => {
    const { connections } = await peer.ask({ do: 'connections' })
    const [connection] = connections
    if (connection === undefined || connections.length > 1) throw new Error(`there are ${connections.length}`)
    return connection
  }, patience)

type Dialler = 'we dial' | 'they dial'

const connect = async (dialler: Dialler, ours: Ours, peer: Peer) => {
  // a busy machine may be late for the handshake of libp2p
  await vi.waitFor(async () => {
    if (dialler === 'we dial') await ours.host.dial(multiaddr(peer.address))
    else expect(await peer.ask({ do: 'dial', address: ours.address })).not.toHaveProperty('error')
  }, patience)
  return { our: await ourEnd(ours), their: await theirEnd(peer) }
}

/** Streams of both sides, each of which ends its own half first and reads on. */
const carry = async (ours: Ours, peer: Peer, bytes: number): Promise<void> => {
  const connection = await ourEnd(ours)
  await callStream(await connection.newStream(digestEcho), randomBytes(bytes))
  expect(await peer.ask({ do: 'call', peer: ours.peerId, sizeBytes: bytes })).not.toHaveProperty('error')
}

/** An address with the peer id of somebody else. */
const asSomebodyElse = async (address: string): Promise<string> =>
  address.replace(/[^/]+$/, peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toString())

const diallers: Dialler[] = ['we dial', 'they dial']

const others = [
  { name: 'go-libp2p', why: whyGo, start: startGo },
  { name: 'stock js-libp2p', why: '', start: startStock }
]

describe.each(others)('with $name', ({ why, start }) => {
  const test = it.skipIf(why !== '')

  test.each(diallers)(
    `%s: TLS, a muxer of its handshake, and 16 MiB both ways past a half-close${why}`,
    async (dialler) => {
      const [ours, peer] = [await startOurs(), await start()]
      const { our, their } = await connect(dialler, ours, peer)
      expect(our.remotePeer.toString()).toBe(peer.peerId)
      expect(our.encryption).toBe('/tls/1.0.0')
      expect(our.multiplexer).toBe(yamux)
      expect(their).toMatchObject({ peer: ours.peerId, security: '/tls/1.0.0', muxer: yamux })
      // only go-libp2p tells
      expect(their.isEarlyMuxer ?? true).toBe(true)
      await carry(ours, peer, sizeBytes)
    }
  )

  test(`who is not the one that was dialled is refused by us, and neither side keeps it${why}`, async () => {
    const [ours, peer] = [await startOurs(), await start()]
    await expect(ours.host.dial(multiaddr(await asSomebodyElse(peer.address)))).rejects.toThrow(
      /does not match expected/
    )
    await vi.waitFor(async () => expect((await peer.ask({ do: 'connections' })).connections).toEqual([]), patience)
    expect(ours.host.getConnections()).toEqual([])
    await connect('we dial', ours, peer)
  })

  test(`who is not the one that was dialled is refused by them, and neither side keeps it${why}`, async () => {
    const [ours, peer] = [await startOurs(), await start()]
    const { error, connections } = await peer.ask({ do: 'dial', address: await asSomebodyElse(ours.address) })
    expect(error).toMatch(/peer id mismatch|unexpected peer/i)
    expect(connections).toEqual([])
    await vi.waitFor(() => expect(ours.host.getConnections()).toEqual([]), patience)
    await connect('they dial', ours, peer)
  })
})

it.skipIf(noGo !== undefined)(
  `a host key of the kind ECDSA, which js-libp2p cannot read, is refused with that reason${whyGo}`,
  async () => {
    const [ours, peer] = [await startOurs(), await startGo('-key', 'ecdsa')]
    await expect(ours.host.dial(multiaddr(peer.address))).rejects.toThrow('names a host key that cannot be read')
    await peer.ask({ do: 'dial', address: ours.address })
    await vi.waitFor(async () => expect((await peer.ask({ do: 'connections' })).connections).toEqual([]), patience)
    expect(ours.host.getConnections()).toEqual([])
  }
)

describe.each(diallers)('with go-libp2p, %s', (dialler) => {
  const test = it.skipIf(noGo !== undefined)

  test.each(['ed25519', 'secp256k1', 'rsa'])(`a host key of the kind %s${whyGo}`, async (kind) => {
    const [ours, peer] = [await startOurs(), await startGo('-key', kind)]
    const { our } = await connect(dialler, ours, peer)
    expect(our.remotePeer.toString()).toBe(peer.peerId)
    await carry(ours, peer, smallBytes)
  })

  test.each([
    { early: '', isEarlyMuxer: false },
    { early: '/unknown/1.0.0', isEarlyMuxer: false },
    { early: `/unknown/1.0.0,${yamux}`, isEarlyMuxer: true }
  ])(`the muxer where the handshake offers "$early"${whyGo}`, async ({ early, isEarlyMuxer }) => {
    const [ours, peer] = [await startOurs(), await startGo('-early', early)]
    const { our, their } = await connect(dialler, ours, peer)
    expect(our.multiplexer).toBe(yamux)
    expect(their).toMatchObject({ muxer: yamux, isEarlyMuxer })
    await carry(ours, peer, smallBytes)
  })

  test(`noise where it has no TLS${whyGo}`, async () => {
    const [ours, peer] = [await startOurs(), await startGo('-security', 'noise')]
    const { our, their } = await connect(dialler, ours, peer)
    expect(our.encryption).toBe('/noise')
    expect(their).toMatchObject({ peer: ours.peerId, security: '/noise', muxer: yamux })
    await carry(ours, peer, sizeBytes)
  })
})
