import { once } from 'node:events'
import { WebSocketServer } from 'ws'
import { onCleanup } from '../cleanup.ts'

/** A WebSocket server that says who it is, sends back what it gets, and closes as it is told. */
export const startWebSocketOrigin = async (id: string): Promise<{ port: number }> => {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    handleProtocols: (offered) => [...offered][0] ?? false
  })
  server.on('connection', (socket) => {
    socket.send(`origin ${id}`)
    socket.on('message', (data, isBinary) => {
      if (!isBinary && Buffer.isBuffer(data) && data.toString() === 'close') socket.close(4001, 'as asked')
      else socket.send(data, { binary: isBinary })
    })
  })
  await once(server, 'listening')
  onCleanup(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the origin has no port')
  return { port: address.port }
}
