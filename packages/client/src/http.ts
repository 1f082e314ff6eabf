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
import { Duplex } from 'node:stream'
import { toMeshError } from '@agent-mesh/wire/errors'
import { Tunnel } from './connect.ts'
import type { Client } from './client.ts'

type Connected = (err: Error | null, stream: Duplex) => void

/** What comes with an error, where a stream is asked for. */
const noStream = new Duplex().destroy()

/** Its sockets are tunnels: `request.socket` says who answers, see {@link servedBy}. */
export class MeshHttpAgent extends Agent {
  readonly #client: Pick<Client, 'connect'>

  constructor(client: Pick<Client, 'connect'>, options: AgentOptions = {}) {
    super(options)
    this.#client = client
  }

  override createConnection(options: ClientRequestArgs, callback: Connected = () => {}): undefined {
    void this.#connect(options, callback)
  }

  async #connect({ host, port }: ClientRequestArgs, callback: Connected): Promise<void> {
    let tunnel: Tunnel
    try {
      tunnel = await this.#client.connect(host ?? '', { port: Number(port ?? 80), kind: 'http' })
    } catch (err) {
      callback(toMeshError(err), noStream)
      return
    }
    callback(null, tunnel)
  }
}

/** @param options - of `http.Agent`, such as `keepAlive`, which keeps tunnels for the next request */
export const createHttpAgent = (client: Pick<Client, 'connect'>, options?: AgentOptions): MeshHttpAgent =>
  new MeshHttpAgent(client, options)

/** The agent of the mesh that answers a request; undefined where its socket is no tunnel. */
export const servedBy = (socket: unknown): { peerId: string; name: string | undefined; service: string } | undefined =>
  socket instanceof Tunnel ? { peerId: socket.peerId, name: socket.name, service: socket.service } : undefined
