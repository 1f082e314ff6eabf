/** A host of js-libp2p with its stock encrypters, driven as the one of go-libp2p is. */
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { answerStream, callStream, digestEcho } from './digest-echo.ts'
import type { Command } from './peer.ts'

const bufferBytes = 4 * 1024 * 1024

const host = await createLibp2p({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [tls()],
  streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: bufferBytes, maxReadBufferLength: bufferBytes } })],
  connectionGater: { denyDialMultiaddr: () => false },
  connectionMonitor: { enabled: false }
})
await host.handle(digestEcho, answerStream)

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

const run = async (command: Command): Promise<void> => {
  if (command.do === 'dial') await host.dial(multiaddr(command.address))
  if (command.do !== 'call') return
  const [connection] = host.getConnections(peerIdFromString(command.peer))
  if (connection === undefined) throw new Error('there is no connection')
  await callStream(await connection.newStream(digestEcho), randomBytes(command.sizeBytes))
}

const [address] = host.getMultiaddrs()
say({ peerId: host.peerId.toString(), address: address?.decapsulate('/p2p').toString() })
for await (const line of createInterface({ input: process.stdin })) {
  const error = await run(JSON.parse(line)).catch((err: unknown) => String(err))
  const connections = host.getConnections().map(({ remotePeer, encryption, multiplexer }) => ({
    peer: remotePeer.toString(),
    security: encryption,
    muxer: multiplexer
  }))
  say({ connections, error })
}
await host.stop()
