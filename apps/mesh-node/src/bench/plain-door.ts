import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { randomUUID } from 'node:crypto'
import type { Server } from 'node:net'
import type { PeerDocument } from '@agent-mesh/wire/api'
import { createBenchServer, type Desk } from './serving.ts'
import type { PlainOffer } from './order.ts'

/** Host of a connection that goes straight over TCP; undefined for others. Pure. */
export const plainHost = (addresses: readonly string[]): string | undefined => {
  for (const address of addresses) {
    const host = /^\/ip[46]\/([^/]+)\/tcp\/\d+(?:\/p2p\/[^/]+)?$/.exec(address)?.[1]
    if (host !== undefined) return host
  }
  return undefined
}

/** Why there is nothing to compare with on the way to a peer; undefined where there may be. Pure. */
export const whyNotPlain = (peer: PeerDocument | undefined): string | undefined => {
  if (peer?.state !== 'connected') return 'the two nodes are not connected'
  if (peer.path === 'relayed' || peer.path === 'webrtc') return `the path is ${peer.path}`
  return plainHost(peer.addresses) === undefined ? 'the two nodes are not connected over TCP' : undefined
}

/** The address of this machine from which a host is reached. Nothing is sent. */
const addressTowards = async (host: string): Promise<string> => {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  try {
    socket.connect(9, host)
    await once(socket, 'connect')
    return socket.address().address
  } finally {
    socket.close()
  }
}

/** Ports for plain TCP beside the mesh, one an interface. Only who has got the token through the mesh may use them. */
export class PlainDoor {
  readonly #desk: Desk
  readonly #token = randomUUID()
  readonly #servers = new Map<string, Server>()

  constructor(desk: Desk) {
    this.#desk = desk
  }

  async offer(peer: PeerDocument | undefined): Promise<PlainOffer> {
    const reason = whyNotPlain(peer)
    if (peer === undefined || reason !== undefined) return { reason: reason ?? 'the two nodes are not connected' }
    const address = await addressTowards(plainHost(peer.addresses) ?? '')
    let server = this.#servers.get(address)
    if (server === undefined) {
      server = createBenchServer(this.#desk, this.#token)
      this.#servers.set(address, server)
      server.listen(0, address)
    }
    if (!server.listening) await once(server, 'listening')
    const bound = server.address()
    if (bound === null || typeof bound === 'string') return { reason: 'its port has closed' }
    return { port: bound.port, token: this.#token }
  }

  close(): void {
    for (const server of this.#servers.values()) server.close()
  }
}
