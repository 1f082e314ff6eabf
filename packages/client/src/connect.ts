import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { MeshError } from '@agent-mesh/wire/errors'
import { FramedDuplex } from '@agent-mesh/wire/frame'
import { open, readAnswer, responseOf, withDeadline, type Call, type CallOptions, type Endpoint } from './call.ts'

/** One byte stream to a service of another agent, with the ways of a TCP socket that allows half-open. */
export type Tunnel = Duplex & {
  /** Who answered. */
  readonly peerId: string
  readonly service: string
}

const header = (response: IncomingMessage, name: string): string => {
  const value = response.headers[name]
  return typeof value === 'string' ? value : ''
}

/** @throws MeshError with the code of what refused: NAME_UNKNOWN, UNREACHABLE, DENIED, UPSTREAM_REFUSED, … */
export const connectTunnel = async (endpoint: Endpoint, target: string, { signal }: CallOptions): Promise<Tunnel> => {
  const call: Call = { method: 'GET', path: `/v1/tunnels/${encodeURIComponent(target)}` }
  return withDeadline(endpoint, call, { signal, timeoutMs: endpoint.timeoutMs }, async (either) => {
    const outgoing = open(endpoint, call, { connection: 'Upgrade', upgrade: 'mesh-tunnel' })
    const upgraded = new Promise<Tunnel>((resolve) => {
      outgoing.once('upgrade', (response, socket, head) => {
        if (head.length > 0) socket.unshift(head)
        const identity = { peerId: header(response, 'mesh-peer-id'), service: header(response, 'mesh-service') }
        resolve(Object.assign(new FramedDuplex(socket), identity))
      })
    })
    const refused = responseOf(outgoing, either).then(async (response): Promise<never> => {
      await readAnswer(response)
      throw new MeshError('API_UNREADABLE', 'The node answered the request for a tunnel with a document.')
    })
    return Promise.race([upgraded, refused])
  })
}
