import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { splice } from '@agent-mesh/data-plane'
import { MeshError } from '@agent-mesh/wire/errors'
import { FramedDuplex } from '@agent-mesh/wire/frame'
import type { Connected, LocalNode } from '../local-node.ts'
import { apiHint, rawProblem, toApiError, toProblem } from './problem.ts'
import { check } from './route.ts'
import { tunnelParams, tunnelQuery } from './routes.ts'

/** Token of the Upgrade header. */
export const tunnelUpgrade = 'mesh-tunnel'

/** A connection that has left the HTTP server. */
export interface UpgradeRequest {
  request: IncomingMessage
  socket: Duplex
  /** What came behind the request. */
  head: Buffer
}

const prefix = '/v1/tunnels/'

const refusal = (why: string): MeshError =>
  new MeshError('USAGE', `The upgrade was refused: ${why}.`, { hint: apiHint })

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    throw refusal('its target is not percent-encoded')
  }
}

interface Asked {
  target: string
  port?: number | undefined
  kind?: string | undefined
}

/** @throws MeshError USAGE */
const askedOf = ({ url = '', headers, method = '' }: IncomingMessage): Asked => {
  if (method !== 'GET' || !url.startsWith(prefix)) throw refusal(`${method} ${url.slice(0, 200)} is no tunnel`)
  if (headers.upgrade?.toLowerCase() !== tunnelUpgrade) throw refusal(`it is not to ${tunnelUpgrade}`)
  const [path = '', query = ''] = url.slice(prefix.length).split('?', 2)
  const { target } = check(tunnelParams, { target: decode(path) }, 'path')
  return { target, ...check(tunnelQuery, Object.fromEntries(new URLSearchParams(query)), 'query') }
}

/** Reads while nothing may come: fires when the caller leaves, or speaks before the answer. */
export const watchCaller = ({ socket, head }: UpgradeRequest): { left: AbortSignal; stop: () => void } => {
  const left = new AbortController()
  const leave = (): void => left.abort(new MeshError('CANCELLED', 'The caller left before the tunnel was open.'))
  const speak = (): void => left.abort(refusal('bytes came before the answer'))
  if (head.length > 0) speak()
  socket.on('data', speak).on('end', leave).on('close', leave)
  const stop = (): void => {
    socket.off('data', speak).off('end', leave).off('close', leave)
    socket.pause()
  }
  return { left: left.signal, stop }
}

/** Who answered, as header lines. */
export const identityLines = ({ peerId, service, name, target }: Connected): string[] => [
  `Mesh-Peer-Id: ${peerId}`,
  `Mesh-Service: ${service}`,
  ...(name === undefined ? [] : [`Mesh-Peer-Name: ${name}`]),
  ...(target === undefined ? [] : [`Mesh-Target: ${target}`])
]

const switching = (connected: Connected): string =>
  [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    `Upgrade: ${tunnelUpgrade}`,
    ...identityLines(connected),
    '',
    ''
  ].join('\r\n')

/**
 * Answers `GET /v1/tunnels/{target}`. The tunnel is opened first, so that a refusal has an HTTP status; then comes 101,
 * and the frames. Resolves when the connection is over; never rejects.
 */
export const acceptTunnel = async (node: LocalNode, upgrade: UpgradeRequest, stopping: AbortSignal): Promise<void> => {
  const { request, socket } = upgrade
  // The frames report what matters of it; without a listener it would end the process.
  socket.on('error', () => {})
  const { left, stop } = watchCaller(upgrade)
  const signal = AbortSignal.any([stopping, left])
  try {
    const { target, ...asked } = askedOf(request)
    const connected = await node.connect(target, { signal, ...asked })
    const { tunnel } = connected
    if (signal.aborted) {
      tunnel.destroy(toApiError(signal.reason).error)
      throw signal.reason
    }
    stop()
    socket.write(switching(connected))
    await carry(tunnel, new FramedDuplex(socket), stopping)
  } catch (err) {
    stop()
    const { error, status } = toApiError(signal.aborted ? signal.reason : err)
    socket.end(rawProblem(toProblem(error, status)), () => socket.destroy())
  }
}

const carry = async (tunnel: Duplex, framed: FramedDuplex, stopping: AbortSignal): Promise<void> => {
  const halt = (): void => {
    framed.destroy(new MeshError('SHUTTING_DOWN'))
  }
  stopping.addEventListener('abort', halt, { once: true })
  // Before the splice hears of it: the code of the tunnel is the one that the caller is told.
  tunnel.once('error', (err: Error) => framed.destroy(err))
  if (tunnel.errored !== null) framed.destroy(tunnel.errored)
  await splice(tunnel, framed)
  stopping.removeEventListener('abort', halt)
}
