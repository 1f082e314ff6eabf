import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { Server as HttpServer } from 'node:http'
import { createServer, type Server } from 'node:net'
import { onCleanup } from './cleanup.ts'

/** Port of a server that listens on TCP. */
const portOf = (server: Pick<Server, 'address'>): number => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

/** Listens on a free port of 127.0.0.1 until the tests of this file are done. */
export const listenLocally = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanup(() => {
    if (server instanceof HttpServer) server.closeAllConnections()
    server.close()
  })
  return portOf(server)
}

/** Below those that systems give to outgoing connections: what is free here is still free minutes later. */
const ownPorts = { first: 20_000, count: 12_000 }

/** A port of 127.0.0.1 that was free a moment ago, and that nobody is given by chance. */
export const freePort = async (): Promise<number> => {
  const port = ownPorts.first + randomInt(ownPorts.count)
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return freePort()
  }
  server.close()
  await once(server, 'close')
  return port
}
