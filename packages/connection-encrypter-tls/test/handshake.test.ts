/** What the spec demands of a handshake beyond certificates, seen by a side that speaks bare TLS. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { connect as connectTls, TLSSocket, type ConnectionOptions } from 'node:tls'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import { afterEach, expect, it } from 'vitest'
import { nativeTls } from '@agent-mesh/connection-encrypter-tls'
import { createCertificate, type HostCertificate } from '../src/certificate.ts'

const undos: Array<() => unknown> = []
afterEach(async () => {
  await Promise.all(undos.splice(0).map(async (undo) => undo()))
})

const startHost = async (): Promise<Libp2p> => {
  const host = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [nativeTls()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false }
  })
  undos.push(async () => host.stop())
  return host
}

/** Messages of multistream-select have their length before them and a line feed behind. */
const named = (...names: string[]): Buffer =>
  Buffer.concat(names.map((name) => Buffer.from(`${String.fromCodePoint(name.length + 1)}${name}\n`)))

const agreed = named('/multistream/1.0.0', '/tls/1.0.0')

/** Reads until both sides have named TLS; what follows stays in the socket. */
const agree = async (socket: Socket): Promise<void> => {
  for (let seen = Buffer.alloc(0); seen.length < agreed.length;) {
    const part: Buffer | null = socket.read(agreed.length - seen.length) ?? socket.read()
    if (part === null) await once(socket, 'readable')
    else seen = Buffer.concat([seen, part])
  }
}

/** Shakes hands with a host as a client of TLS. @returns whether its first byte came, or why not */
const shakeHands = async (host: Libp2p, options: ConnectionOptions): Promise<string> => {
  const [address] = host.getMultiaddrs()
  const port = Number(address?.toString().split('/')[4])
  const socket = connect({ host: '127.0.0.1', port })
  undos.push(() => socket.destroy())
  socket.write(agreed)
  await agree(socket)
  const secured = connectTls({ socket, rejectUnauthorized: false, minVersion: 'TLSv1.3', ...options })
  const { promise, resolve } = Promise.withResolvers<string>()
  secured.once('data', () => resolve(`let in with ${String(secured.alpnProtocol)}`))
  secured.once('error', (err) => resolve(err.message))
  secured.once('close', () => resolve('closed'))
  secured.write(named('/multistream/1.0.0'))
  return promise
}

const certificate = async (): Promise<HostCertificate> => createCertificate(await generateKeyPair('Ed25519'))

it('a client with a certificate and a protocol of ours is let in', async () => {
  const options = { ...(await certificate()), ALPNProtocols: ['libp2p'] }
  expect(await shakeHands(await startHost(), options)).toBe('let in with libp2p')
})

it('a client that shows no certificate is not', async () => {
  expect(await shakeHands(await startHost(), { ALPNProtocols: ['libp2p'] })).not.toMatch(/let in/)
})

it('a client that offers no protocol of ours is not', async () => {
  const options = { ...(await certificate()), ALPNProtocols: ['h2'] }
  expect(await shakeHands(await startHost(), options)).toMatch(/no application protocol/)
})

it('a client of TLS 1.2 is not', async () => {
  const options = { ...(await certificate()), ALPNProtocols: ['libp2p'] }
  const older = { ...options, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const
  expect(await shakeHands(await startHost(), older)).toMatch(/protocol version/)
})

it('names no server, and offers its muxer before the plain protocol', async () => {
  const host = await startHost()
  const key = await generateKeyPair('Ed25519')
  const own = await createCertificate(key)
  const {
    promise: hello,
    resolve,
    reject
  } = Promise.withResolvers<{ servername: string | false; protocols: string[] }>()
  const accept = async (socket: Socket): Promise<void> => {
    undos.push(() => socket.destroy())
    socket.write(agreed)
    await agree(socket)
    const secured = new TLSSocket(socket, {
      ...own,
      isServer: true,
      requestCert: true,
      rejectUnauthorized: false,
      ALPNCallback: ({ servername, protocols }) => {
        resolve({ servername, protocols })
        return 'libp2p'
      }
    })
    secured.on('error', reject)
  }
  const server = createServer({ pauseOnConnect: true }, (socket) => void accept(socket).catch(reject))
  undos.push(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  const peerId = peerIdFromPrivateKey(key).toString()
  const dialled = host.dial(multiaddr(`/ip4/127.0.0.1/tcp/${address.port}/p2p/${peerId}`))
  dialled.catch(() => {})
  expect(await hello).toEqual({ servername: false, protocols: ['/yamux/1.0.0', 'libp2p'] })
})
