/**
 * An agent for `node:http`, and for what is built on it: requests to host names of the mesh go through a running node.
 *
 * @example
 * ```ts
 * import { get } from 'node:http'
 * import { createClient } from '@agent-mesh/client'
 * import { createHttpAgent } from '@agent-mesh/client/http'
 *
 * const agent = createHttpAgent(createClient())
 * get('http://web.alice.mesh/', { agent }, (response) => response.pipe(process.stdout))
 * ```
 */
import { Agent, type AgentOptions, type ClientRequestArgs } from 'node:http'
import type { Duplex } from 'node:stream'
import { toMeshError } from '@agent-mesh/wire/errors'
import { Tunnel } from './connect.ts'
import type { Client } from './client.ts'

type Connected = (err: Error | null, stream: Duplex) => void

/** Its sockets are tunnels: `request.socket` says who answers, see {@link servedBy}. */
export class MeshHttpAgent extends Agent {
  readonly #client: Pick<Client, 'connect'>

  constructor(client: Pick<Client, 'connect'>, options: AgentOptions = {}) {
    super(options)
    this.#client = client
  }

  override createConnection(options: ClientRequestArgs, callback?: Connected): undefined {
    const { host, port } = options
    const asked = { port: Number(port ?? 80), kind: 'http' }
    this.#client.connect(host ?? '', asked).then(
      (tunnel) => callback?.(null, tunnel),
      // The type asks for a stream beside the error; who is called looks at the error first.
      (err: unknown) => Reflect.apply(callback ?? (() => {}), undefined, [toMeshError(err)])
    )
  }
}

/** @param options - of `http.Agent`, such as `keepAlive`, which keeps tunnels for the next request */
export const createHttpAgent = (client: Pick<Client, 'connect'>, options?: AgentOptions): MeshHttpAgent =>
  new MeshHttpAgent(client, options)

/** The agent of the mesh that answers a request; undefined where its socket is no tunnel. */
export const servedBy = (socket: unknown): { peerId: string; name: string | undefined; service: string } | undefined =>
  socket instanceof Tunnel ? { peerId: socket.peerId, name: socket.name, service: socket.service } : undefined
