import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { MeshMember } from '@agent-mesh/testkit'

/** An HTTP service whose answers say which agent gave them. */
export interface Answering {
  /** `http://127.0.0.1:<port>`. */
  address: string
  /** Connections that reached it. */
  connections: () => number
  stop: () => void
}

/** @param who - what every answer consists of */
const startAnswering = async (who: string): Promise<Answering> => {
  let count = 0
  const server: Server = createServer((_, response) => response.end(who))
  server.on('connection', () => {
    count += 1
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('the server has no port')
  return {
    address: `http://127.0.0.1:${bound.port}`,
    connections: () => count,
    stop: () => {
      server.close()
      server.closeAllConnections()
    }
  }
}

/** Serves `web` from an agent, with answers that carry its peer id. The checks of the service count as connections. */
export const serveAnswers = async ({ node }: MeshMember, capabilities: string[] = []): Promise<Answering> => {
  const answering = await startAnswering(node.ready.peerId)
  await node.serve('web', { address: answering.address, capabilities, check: { kind: 'none' } })
  return answering
}

/** Names of the members that a node is connected to. */
export const connectedTo = async ({ node }: MeshMember): Promise<string[]> =>
  (await node.peers()).filter(({ state }) => state === 'connected').map(({ name }) => name)
