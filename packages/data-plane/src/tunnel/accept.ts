import type { Duplex } from 'node:stream'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { decodeMessage, limits, MeshError, parseName, toMeshError, TunnelOpen } from '@agent-mesh/wire'
import { within } from '../deadline.ts'
import type { OnDataPlaneEvent } from '../events.ts'
import type { Allowance, Authorizer, PathClass, Service } from '../interfaces.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import type { Field } from '../upstream/http/head.ts'
import { serveHttp } from '../upstream/http/serve-http.ts'
import { localAddressOf } from '../upstream/socket-address.ts'
import { acceptance, errorForCaller } from './answer.ts'
import { denialError, denialOf } from './denial.ts'
import type { TrackedTunnel, TunnelRegistry } from './registry.ts'
import { resetLocal, splice } from './splice.ts'
import type { Tunnel } from './tunnel.ts'

export interface AcceptorInit {
  registry: TunnelRegistry
  authorizer: Authorizer
  /** The service of that name, or undefined where this node offers none. */
  findService: (name: string) => Service | undefined
  pathOf?: ((connection: Connection) => PathClass) | undefined
  /** Of a connection that may carry no more than so much. */
  allowanceOf?: ((connection: Connection) => Allowance | undefined) | undefined
  onEvent?: OnDataPlaneEvent | undefined
  /** A stream is put to use: its open message was granted and its service is connected. */
  onUsed?: ((stream: Stream, connection: Connection) => void) | undefined
  /** Connects to services. */
  upstreams: Upstreams
  /** Fields that tell an HTTP service who calls; absent, requests pass untouched. */
  identityOf?: ((peer: PeerId) => readonly Field[]) | undefined
  /** How long a silent stream is kept, in milliseconds. */
  openTimeoutMs?: number | undefined
}

export type StreamHandler = (stream: Stream, connection: Connection) => void

/**
 * The service's side of the tunnel protocol: open, authorize, connect upstream, answer, splice. Whatever a stream brings,
 * the handler neither throws nor rejects; every refusal is answered with its code and one sentence.
 */
export const createAcceptor =
  (init: AcceptorInit): StreamHandler =>
  (stream, connection) => {
    const peerId = connection.remotePeer.toString()
    const excess = refusalOf(() => init.registry.check(peerId))
    const tracked = init.registry.track(stream, peerId, 'inbound', init.allowanceOf?.(connection))
    serve(init, tracked, connection, excess, () => init.onUsed?.(stream, connection)).catch((err: unknown) => {
      const error = toMeshError(err)
      const { asked } = tracked
      tracked.tunnel.destroy(errorForCaller(error, asked ?? ''))
      init.onEvent?.({
        event: 'tunnel:refused',
        peerId,
        ...(asked === undefined ? {} : { service: asked }),
        code: error.code,
        message: error.message,
        ...denialOf(error),
        durationMs: tracked.ageMs
      })
    })
  }

/** A refusal waits for the open message: until then the other side may still be negotiating, and would not hear it. */
const serve = async (
  init: AcceptorInit,
  tracked: TrackedTunnel,
  connection: Connection,
  excess: MeshError | undefined,
  onUsed: () => void
): Promise<void> => {
  const { tunnel } = tracked
  const open = await readOpen(tunnel, init.openTimeoutMs ?? limits.tunnelOpenTimeoutMs)
  tracked.asked = open.service
  if (excess !== undefined) throw excess
  authorize(init, connection, open)
  const service = init.findService(open.service)
  if (service === undefined) throw new MeshError('SERVICE_UNKNOWN', `This agent offers no service "${open.service}".`)
  const socket = await connectWhileOpen(init, connection, tunnel, service, open.deadlineMs)
  let rule: string
  try {
    // The rules may have changed while the service was being connected, and a check of running tunnels missed this one.
    rule = authorize(init, connection, open)
    tunnel.sendPreamble(acceptance())
    init.upstreams.introduce(service, connection, socket)
  } catch (err) {
    resetLocal(socket)
    throw err
  }
  tracked.open({
    service: service.name,
    peer: connection.remotePeer,
    rule,
    path: init.pathOf?.(connection),
    localAddress: localAddressOf(socket),
    metadata: open.metadata,
    traceParent: open.traceParent
  })
  onUsed()
  const { kind } = service
  const { identityOf } = init
  if (identityOf === undefined || (kind !== 'http' && kind !== 'grpc')) await splice(tunnel, socket)
  else await serveHttp(tunnel, socket, kind, () => identityOf(connection.remotePeer))
}

const refusalOf = (check: () => void): MeshError | undefined => {
  try {
    check()
    return undefined
  } catch (err) {
    return toMeshError(err)
  }
}

/** The open message, or the error of whatever came instead. */
const readOpen = async (tunnel: Tunnel, ms: number): Promise<TunnelOpen> => {
  const message = await within(tunnel.preamble, {
    ms,
    expired: () => new MeshError('TIMEOUT', `The tunnel said nothing within ${ms} ms.`)
  })
  const open = decodeMessage(TunnelOpen, message, limits.tunnelOpenBytes, 'TUNNEL_PROTOCOL', 'open of a tunnel')
  if (open.metadata.length > limits.metadataEntries) {
    throw new MeshError(
      'TUNNEL_PROTOCOL',
      `The open of a tunnel has ${open.metadata.length} metadata entries; ${limits.metadataEntries} are allowed.`
    )
  }
  try {
    parseName(open.service, 'service')
  } catch (cause) {
    throw new MeshError('TUNNEL_PROTOCOL', 'The open of a tunnel names no service.', { cause })
  }
  return open
}

/** @returns the rule that allows it */
const authorize = (
  { authorizer }: AcceptorInit,
  { remotePeer }: Connection,
  { service, metadata }: TunnelOpen
): string => {
  const verdict = authorizer.mayOpen(remotePeer, service, { metadata })
  if (!verdict.allowed) throw denialError(verdict, service)
  return verdict.rule
}

/** Connects to the service, and stops connecting when the caller is gone. */
const connectWhileOpen = async (
  { upstreams }: AcceptorInit,
  connection: Connection,
  tunnel: Tunnel,
  service: Service,
  deadlineMs: number
): Promise<Duplex> => {
  const controller = new AbortController()
  const onClose = (): void =>
    controller.abort(new MeshError('CANCELLED', 'The caller gave up while the service was being connected.'))
  tunnel.once('close', onClose)
  if (tunnel.destroyed) onClose()
  try {
    const most =
      deadlineMs === 0 ? limits.upstreamConnectTimeoutMs : Math.min(deadlineMs, limits.upstreamConnectTimeoutMs)
    return await upstreams.open(service, connection, { signal: controller.signal, timeoutMs: most })
  } finally {
    tunnel.off('close', onClose)
  }
}
