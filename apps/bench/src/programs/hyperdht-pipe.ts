import { once } from 'node:events'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import HyperDHT from 'hyperdht'
import type { Duplex } from 'node:stream'

/*
 * TCP connections over hyperdht, one of its connections for each. The far side is a DHT of its own; nobody else is asked.
 *
 *   hyperdht-pipe.ts far <host> <port of the DHT> <file for the keys> <port of a service>…
 *   hyperdht-pipe.ts near <host> <host of the DHT> <port of the DHT> <file with the keys> <port to bind>…
 */

/** As many as make a lookup what it is elsewhere: more than one answers. */
const dhtNodes = 4

const join = (socket: Socket, stream: Duplex): void => {
  socket.on('error', () => stream.destroy())
  stream.on('error', () => socket.destroy())
  socket.pipe(stream).pipe(socket)
}

const far = async (host: string, port: number, file: string, services: readonly number[]): Promise<void> => {
  const nodes: HyperDHT[] = []
  while (nodes.length < dhtNodes) {
    const place = nodes.length === 0 ? { bootstrap: [], port } : { bootstrap: [`${host}:${port}`] }
    const node = new HyperDHT({ ...place, host, ephemeral: false, firewalled: false })
    await node.fullyBootstrapped()
    nodes.push(node)
  }
  const keys: string[] = []
  for (const service of services) {
    const keyPair = HyperDHT.keyPair()
    const server = nodes.at(-1)?.createServer((stream) => {
      join(connect({ host: '127.0.0.1', port: service, allowHalfOpen: true, noDelay: true }), stream)
    })
    await server?.listen(keyPair)
    keys.push(keyPair.publicKey.toString('hex'))
  }
  // whole or not at all: the other side waits for it
  writeFileSync(`${file}.new`, JSON.stringify(keys))
  renameSync(`${file}.new`, file)
}

const near = async (host: string, bootstrap: string, file: string, ports: readonly number[]): Promise<void> => {
  const node = new HyperDHT({ bootstrap: [bootstrap], host })
  await node.fullyBootstrapped()
  const keys: string[] = JSON.parse(readFileSync(file, 'utf8'))
  for (const [service, port] of ports.entries()) {
    const key = Buffer.from(keys[service] ?? '', 'hex')
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => join(socket, node.connect(key)))
    await once(server.listen(port, '127.0.0.1', 8_192), 'listening')
  }
}

const [side, host = '', ...rest] = process.argv.slice(2)
if (side === 'far') {
  const [port, file = '', ...services] = rest
  await far(host, Number(port), file, services.map(Number))
} else {
  const [dhtHost, dhtPort, file = '', ...ports] = rest
  await near(host, `${dhtHost}:${dhtPort}`, file, ports.map(Number))
}
