/**
 * HTTP for programs that speak to agents through a running node: a dispatcher for undici, and the `fetch` that uses it.
 *
 * @example
 * ```ts
 * import { createClient } from '@agent-mesh/client'
 * import { createFetch } from '@agent-mesh/client/undici'
 *
 * const fetch = createFetch(createClient())
 * const response = await fetch('http://translation.cap.mesh/', { method: 'POST', body: 'hello' })
 * console.log(response.headers.get('mesh-served-by'), await response.text())
 * await fetch.close()
 * ```
 */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Agent, Client as Connection, Pool, fetch as plainFetch, type buildConnector, type Dispatcher } from 'undici'
import { MeshError, toMeshError } from '@agent-mesh/wire/errors'
import type { Client } from './client.ts'
import type { Tunnel } from './connect.ts'
import { Named, repeating } from './dispatch.ts'
import { isResponse, toUndici } from './platform.ts'
import { toLostError } from './repeat.ts'

type Mesh = Pick<Client, 'connect'>

/** Options of the `Agent` of undici, but for how it connects. */
export type DispatcherOptions = Omit<Agent.Options, 'connect' | 'factory' | 'allowH2'>

/** undici asks no more of a socket than a tunnel has; its types ask for all of it. */
const isSocketEnough = (stream: Duplex): stream is Socket => stream.readable

const reach = async (mesh: Mesh, { hostname, protocol, port }: buildConnector.Options): Promise<Tunnel> => {
  if (protocol === 'http:') return mesh.connect(hostname, { port: Number(port || 80), kind: 'http' })
  throw new MeshError('USAGE', `${protocol}//${hostname} was refused: the scheme is not http.`, {
    hint: 'Use http://: the mesh encrypts all the way by itself.'
  })
}

const connectorOf = (mesh: Mesh, onTunnel: (tunnel: Tunnel) => void): buildConnector.connector => {
  const answer = async (asked: buildConnector.Options, callback: buildConnector.Callback): Promise<void> => {
    let tunnel: Tunnel
    try {
      tunnel = await reach(mesh, asked)
    } catch (err) {
      callback(toMeshError(err), null)
      return
    }
    onTunnel(tunnel)
    if (isSocketEnough(tunnel)) callback(null, tunnel)
    else callback(tunnel.errored ?? new MeshError('CONNECTION_LOST'), null)
  }
  return (asked, callback) => void answer(asked, callback)
}

/** One tunnel after the other, one request at a time, so that it is known who answers. */
class TunnelConnection extends Connection {
  readonly #last: { tunnel?: Tunnel }

  constructor(origin: URL, options: object, mesh: Mesh) {
    const last: { tunnel?: Tunnel } = {}
    const connect = connectorOf(mesh, (tunnel) => {
      last.tunnel = tunnel
    })
    super(origin, { ...options, connect, pipelining: 1, allowH2: false })
    this.#last = last
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return super.dispatch(options, new Named(handler, () => this.#last.tunnel))
  }
}

/**
 * A dispatcher for everything in undici that takes one. Hosts and ports mean what they mean to a proxy of the node.
 * Requests fail with MeshErrors; a request that may be repeated without harm, and that nobody has begun to answer, is
 * sent again where its connection is lost, to whichever agent answers then. Answers carry `mesh-served-by`.
 */
export const createDispatcher = (mesh: Mesh, options: DispatcherOptions = {}): Dispatcher =>
  new Agent({
    ...options,
    factory: (origin, own) =>
      new Pool(
        origin,
        Object.assign({}, own, { factory: (url: URL, inner: object) => new TunnelConnection(url, inner, mesh) })
      )
  }).compose(repeating)

/** `fetch` over the mesh, with the types of the platform's own, so that whatever takes a `fetch` takes this one. */
export interface MeshFetch {
  /** @throws MeshError where the mesh or the service fails; the reason of the signal where it fires */
  (input: string | URL | Request, init?: RequestInit): Promise<Response>
  /** Waits for what is under way and closes the tunnels. */
  close: () => Promise<void>
}

export const createFetch = (mesh: Mesh, options?: DispatcherOptions): MeshFetch => {
  const dispatcher = createDispatcher(mesh, options)
  const fetch = async (input: string | URL | Request, given?: RequestInit): Promise<Response> => {
    const { url, init } = toUndici(input, given)
    try {
      const response: object = await plainFetch(url, { ...init, dispatcher })
      if (isResponse(response)) return response
      throw new MeshError('INTERNAL')
    } catch (err) {
      const cause = toLostError(err instanceof Error ? err.cause : undefined)
      throw cause instanceof MeshError ? cause : err
    }
  }
  return Object.assign(fetch, { close: async () => dispatcher.close() })
}
