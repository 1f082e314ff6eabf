import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { MeshError } from '@agent-mesh/wire/errors'
import { FramedDuplex } from '@agent-mesh/wire/frame'
import type { ServedBy } from '@agent-mesh/wire/served-by'
import { open, readAnswer, responseOf, withDeadline, type Call, type CallOptions, type Endpoint } from './call.ts'

export interface ConnectOptions extends CallOptions {
  /** What it is for, where the target names no service: chosen as a proxy chooses, see docs/explanation/names.md. */
  port?: number | undefined
  /** Kind of service: `http`, `grpc`, `ssh`, `tcp`; stronger than the port. */
  kind?: string | undefined
}

/** Who is at the other end of a tunnel. */
interface Identity extends ServedBy {
  /** What the target was taken for, as `alice/web` or `cap:language_processing/translation`. */
  target: string | undefined
}

/**
 * One byte stream to a service of another agent, with the ways of a TCP socket that allows half-open. What ends it early
 * is a MeshError: CONNECTION_LOST where the node on this machine is gone, otherwise the code that the other side gave.
 */
export class Tunnel extends FramedDuplex {
  /** Who answered. */
  readonly peerId: string
  /** Member name, where it is known. */
  readonly name: string | undefined
  readonly service: string
  readonly target: string | undefined
  readonly #carrier: Socket

  constructor(carrier: Socket, { peerId, name, service, target }: Identity) {
    super(carrier)
    this.#carrier = carrier
    this.peerId = peerId
    this.name = name
    this.service = service
    this.target = target
    carrier.on('timeout', () => this.emit('timeout'))
  }

  /** It keeps the process alive, as a socket does. */
  ref(): this {
    this.#carrier.ref()
    return this
  }

  unref(): this {
    this.#carrier.unref()
    return this
  }

  /** Emits `timeout` where nothing has moved for so long; 0 for never. */
  setTimeout(timeoutMs: number, callback?: () => void): this {
    this.#carrier.setTimeout(timeoutMs)
    if (callback !== undefined) this.once('timeout', callback)
    return this
  }

  /** What HTTP clients ask of a TCP socket, and a tunnel does by itself. */
  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }
}

const header = (response: IncomingMessage, name: string): string | undefined => {
  const value = response.headers[name]
  return typeof value === 'string' ? value : undefined
}

const identityOf = (response: IncomingMessage): Identity => ({
  peerId: header(response, 'mesh-peer-id') ?? '',
  name: header(response, 'mesh-peer-name'),
  service: header(response, 'mesh-service') ?? '',
  target: header(response, 'mesh-target')
})

const queryOf = ({ port, kind }: ConnectOptions): string => {
  const query = new URLSearchParams({
    ...(port === undefined ? {} : { port: String(port) }),
    ...(kind === undefined ? {} : { kind })
  }).toString()
  return query === '' ? '' : `?${query}`
}

/** @throws MeshError with the code of what refused: NAME_UNKNOWN, UNREACHABLE, DENIED, UPSTREAM_REFUSED, … */
export const connectTunnel = async (endpoint: Endpoint, target: string, options: ConnectOptions): Promise<Tunnel> => {
  const call: Call = { method: 'GET', path: `/v1/tunnels/${encodeURIComponent(target)}${queryOf(options)}` }
  const { signal } = options
  return withDeadline(endpoint, call, { signal, timeoutMs: endpoint.timeoutMs }, async (either) => {
    const outgoing = open(endpoint, call, { connection: 'Upgrade', upgrade: 'mesh-tunnel' })
    const upgraded = new Promise<Tunnel>((resolve) => {
      outgoing.once('upgrade', (response, socket, head) => {
        if (head.length > 0) socket.unshift(head)
        resolve(new Tunnel(socket, identityOf(response)))
      })
    })
    const refused = responseOf(outgoing, either).then(async (response): Promise<never> => {
      await readAnswer(response)
      throw new MeshError('API_UNREADABLE', 'The node answered the request for a tunnel with a document.')
    })
    return Promise.race([upgraded, refused])
  })
}
