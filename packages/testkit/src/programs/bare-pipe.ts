import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { plaintext } from '@libp2p/plaintext'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { transport } from '@agent-mesh/node/transport'
import type { Stream } from '@libp2p/interface'

/*
 * Two libp2p hosts that carry TCP connections with nothing of the mesh between them: what encryption costs on one path is
 * the difference between `tls`, as nodes have it, and `plaintext`, which no node speaks.
 *
 *   bare-pipe.ts far <tls|plaintext> <host> <port> <port of a service>…
 *   bare-pipe.ts near <tls|plaintext> <host of far> <port of far> <port to bind>…
 */

const streamsPerConnection = 10_000

const protocolOf = (service: number): string => `/bench/${service}/1.0.0`

/** Each side is told to wait by what the other one has not taken. */
const join = (socket: Socket, stream: Stream): void => {
  socket.on('data', (chunk) => {
    if (!stream.send(chunk)) socket.pause()
  })
  stream.addEventListener('drain', () => socket.resume())
  socket.once('end', () => void stream.close().catch(() => socket.destroy()))
  stream.addEventListener('message', ({ data }) => {
    if (!socket.write(data.subarray())) stream.pause()
  })
  socket.on('drain', () => stream.resume())
  stream.addEventListener('remoteCloseWrite', () => socket.end())
  stream.addEventListener('close', ({ error }) => void (error === undefined ? socket.end() : socket.destroy()))
  socket.on('error', (err) => stream.abort(err))
}

const [side, kind, host = '', port = '', ...ports] = process.argv.slice(2)
const { connectionEncrypters, ...channel } = transport()
const node = await createLibp2p({
  ...channel,
  connectionEncrypters: kind === 'plaintext' ? [plaintext()] : connectionEncrypters,
  addresses: { listen: side === 'far' ? [`/ip4/${host}/tcp/${port}`] : [] },
  connectionGater: { denyDialMultiaddr: () => false }
})

for (const [service, servicePort] of ports.entries()) {
  if (side === 'far') {
    const accept = (stream: Stream): void => {
      const socket = connect({ host: '127.0.0.1', port: Number(servicePort), allowHalfOpen: true, noDelay: true })
      join(socket, stream)
    }
    await node.handle(protocolOf(service), accept, { maxInboundStreams: streamsPerConnection })
  } else {
    const connection = await node.dial(multiaddr(`/ip4/${host}/tcp/${port}`))
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
      const open = async (): Promise<void> => {
        const limits = { maxOutboundStreams: streamsPerConnection }
        join(socket, await connection.newStream(protocolOf(service), limits))
        socket.resume()
      }
      open().catch(() => socket.destroy())
    })
    await once(server.listen(Number(servicePort), '127.0.0.1'), 'listening')
  }
}
