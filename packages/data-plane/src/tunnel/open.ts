import {
  decodeMessage,
  limits,
  MeshError,
  toMeshError,
  TunnelAnswer,
  TunnelOpen,
  type Metadata
} from '@agent-mesh/wire'
import { within, withDeadline } from '../deadline.ts'
import type { Candidate, PathClass, StreamDialer } from '../interfaces.ts'
import { errorOfAnswer } from './answer.ts'
import type { TunnelRegistry } from './registry.ts'
import type { Tunnel } from './tunnel.ts'

/** Hands over bytes as they come. @returns what ends that */
export type LaterBytes = (take: (bytes: Uint8Array) => void) => () => void

export interface OpenTunnelInit {
  dialer: StreamDialer
  /** Id of the tunnel protocol. */
  protocol: string
  registry: TunnelRegistry
  candidate: Pick<Candidate, 'peerId'>
  service: string
  /** Goes to the other end as it is, known there or not. */
  metadata?: Metadata[] | undefined
  /** W3C trace context of the caller. */
  traceParent?: string | undefined
  /** From the open to the answer, in milliseconds. Dialling has its own bound. */
  deadlineMs?: number | undefined
  /**
   * Asked once, when the open goes out, for bytes that travel right behind it without waiting for the answer. At most
   * the initial credit leaves before the answer; the rest follows.
   */
  early?: (() => Uint8Array | undefined) | undefined
  /** Brings what else comes until the answer is here; it travels likewise. */
  later?: LaterBytes | undefined
  signal?: AbortSignal | undefined
}

export interface OpenedTunnel {
  tunnel: Tunnel
  path: PathClass
  /** What the answer says beside "yes". */
  metadata: Metadata[]
  /** From the open to the answer, the connection to the service included. */
  rttMs: number
}

/**
 * Opens a tunnel to a service of one peer and waits for the answer. A connection that was about to end is replaced by
 * another one, once, where nothing but the open had left.
 *
 * Where the tunnel ends without an answer and early bytes had left, the service may have seen them: `details` of the
 * error then has `isMaybeDelivered`, and trying elsewhere could do the same thing twice.
 * @throws MeshError what the dialer throws, the code of a refusal, TIMEOUT, CANCELLED, CONNECTION_LOST, TUNNEL_PROTOCOL,
 * LIMIT_EXCEEDED, SHUTTING_DOWN
 */
export const openTunnel = async (init: OpenTunnelInit): Promise<OpenedTunnel> => {
  const peerId = init.candidate.peerId.toString()
  init.registry.check(peerId)
  const first = await attempt(init, peerId)
  const opened = 'isLost' in first ? await attempt(init, peerId) : first
  if ('isLost' in opened) throw opened.error
  return opened
}

/** Nothing but the open message left, and the connection was about to end. */
interface Lost {
  isLost: true
  error: MeshError
}

const attempt = async (init: OpenTunnelInit, peerId: string): Promise<OpenedTunnel | Lost> => {
  const { registry, service, signal } = init
  const deadlineMs = init.deadlineMs ?? limits.tunnelOpenTimeoutMs
  const { stream, path, isEnding, allowance } = await dial(init, peerId)
  const tracked = registry.track(stream, peerId, 'outbound', allowance)
  const { tunnel } = tracked
  const startedMs = performance.now()
  let earlyBytes = 0
  let answer: TunnelAnswer
  try {
    tunnel.sendPreamble(
      TunnelOpen.encode({ service, deadlineMs, traceParent: init.traceParent ?? '', metadata: init.metadata ?? [] })
    )
    const take = (bytes: Uint8Array | undefined): void => {
      if (bytes === undefined || bytes.length === 0) return
      earlyBytes += bytes.length
      tunnel.write(bytes)
    }
    take(init.early?.())
    const stop = init.later?.(take)
    try {
      answer = await readAnswer(tunnel, `${peerId}/${service}`, deadlineMs, signal)
    } finally {
      stop?.()
    }
  } catch (err) {
    const error = toMeshError(err, 'CONNECTION_LOST')
    tunnel.destroy(error)
    if (earlyBytes > 0) throw maybeDelivered(error)
    if (error.code === 'CONNECTION_LOST' && (await isEnding?.(signal)) === true) return { isLost: true, error }
    throw error
  }
  const refused = errorOfAnswer(answer)
  if (refused !== undefined) {
    tunnel.destroy(refused)
    throw refused
  }
  tracked.open({ service, path })
  return { tunnel, path, metadata: answer.metadata, rttMs: performance.now() - startedMs }
}

const dial = async (
  { dialer, candidate, protocol, signal }: OpenTunnelInit,
  peerId: string
): ReturnType<StreamDialer['open']> => {
  try {
    return await withDeadline(
      {
        ms: limits.dialTimeoutMs,
        signal,
        expired: () => new MeshError('TIMEOUT', `No stream to ${peerId} was opened within ${limits.dialTimeoutMs} ms.`),
        onLate: (late) => late.stream.abort(new Error('The stream was opened too late.'))
      },
      (inner) => dialer.open(candidate.peerId, protocol, { signal: inner })
    )
  } catch (err) {
    throw toMeshError(err, 'CONNECTION_LOST')
  }
}

const readAnswer = async (
  tunnel: Tunnel,
  what: string,
  deadlineMs: number,
  signal: AbortSignal | undefined
): Promise<TunnelAnswer> => {
  const message = await within(tunnel.preamble, {
    ms: deadlineMs,
    signal,
    expired: () => new MeshError('TIMEOUT', `${what} did not answer within ${deadlineMs} ms.`)
  })
  return decodeMessage(TunnelAnswer, message, limits.tunnelOpenBytes, 'TUNNEL_PROTOCOL', 'answer to a tunnel')
}

const maybeDelivered = (error: MeshError): MeshError =>
  new MeshError(error.code, error.message, {
    cause: error,
    hint: error.hint,
    details: { ...error.details, isMaybeDelivered: true }
  })
