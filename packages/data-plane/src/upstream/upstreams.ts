import type { Duplex } from 'node:stream'
import { Socket } from 'node:net'
import type { Connection, PeerId } from '@libp2p/interface'
import type { Service } from '../interfaces.ts'
import { connectUpstream } from './connect.ts'
import type { Caller } from './http/identity-fields.ts'
import { proxyHeader, type Endpoint } from './proxy-protocol.ts'
import type { Programs } from './stdio/programs.ts'

export interface UpstreamsInit {
  programs: Programs
  /** Who a caller is; absent, nothing but its peer id is told. */
  callerOf?: ((peer: PeerId) => Caller) | undefined
}

/** Where a connection comes from; undefined where a relay or another transport hides it. */
const sourceOf = ({ remoteAddr }: Connection): Endpoint | undefined => {
  const components = remoteAddr.getComponents()
  const [host, tcp, ...others] = components
  if (host?.value === undefined || tcp?.name !== 'tcp' || tcp.value === undefined) return undefined
  if (others.some(({ name }) => name !== 'p2p')) return undefined
  return ['ip4', 'ip6'].includes(host.name) ? { host: host.value, port: Number(tcp.value) } : undefined
}

const destinationOf = (socket: Socket): Endpoint | undefined =>
  socket.remoteAddress === undefined || socket.remotePort === undefined
    ? undefined
    : { host: socket.remoteAddress, port: socket.remotePort }

/** Opens what a tunnel is joined with: a connection to a service, or a program of its own. */
export class Upstreams {
  readonly #init: UpstreamsInit

  constructor(init: UpstreamsInit) {
    this.#init = init
  }

  /** @throws MeshError UPSTREAM_*, LIMIT_EXCEEDED, CANCELLED */
  async open(
    service: Service,
    connection: Connection,
    options: { signal: AbortSignal; timeoutMs: number }
  ): Promise<Duplex> {
    const { address, name } = service
    if (address.type !== 'stdio') return connectUpstream(address, options)
    return this.#init.programs.start(name, address.command, this.#callerOf(connection))
  }

  /** Tells a service that asks for it who calls; to be done once the caller may, before its first byte. */
  introduce(service: Service, connection: Connection, upstream: Duplex): void {
    if (service.wantsProxyHeader !== true || !(upstream instanceof Socket)) return
    const source = sourceOf(connection)
    const destination = destinationOf(upstream)
    const ends = { ...(source === undefined ? {} : { source }), ...(destination === undefined ? {} : { destination }) }
    upstream.write(proxyHeader(this.#callerOf(connection), ends))
  }

  #callerOf({ remotePeer }: Connection): Caller {
    return this.#init.callerOf?.(remotePeer) ?? { peerId: remotePeer.toString(), groups: [] }
  }
}
