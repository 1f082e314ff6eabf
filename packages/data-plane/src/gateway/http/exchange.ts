import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import type { Destination } from '../destination.ts'
import type { ServedBy } from '../open-destination.ts'
import { forwardTrailers, type RawHeaders } from './header-rules.ts'
import type { TunnelAgent, TunnelPool } from './tunnel-agent.ts'

/** One request on its way to a service. */
interface ExchangeRequest {
  destination: Destination
  method: string
  path: string
  /** As it goes out. */
  headers: string[]
  /** Doing it twice means the same as once: it may be repeated where no byte of an answer came. */
  isIdempotent: boolean
  /** Body and trailers; absent where the head says that there is none. */
  body?: { stream: IncomingMessage; rawTrailers: () => RawHeaders } | undefined
  signal: AbortSignal
  onContinue?: (() => void) | undefined
  /** Another informational answer, before the final one. */
  onInformation?: ((statusCode: number, rawHeaders: RawHeaders) => void) | undefined
}

/** An exchange whose response head has come. */
export type OpenedExchange =
  | { kind: 'response'; response: IncomingMessage; servedBy: ServedBy | undefined }
  | { kind: 'upgraded'; response: IncomingMessage; servedBy: ServedBy | undefined; stream: Duplex; head: Buffer }

/** An exchange that got no response. */
export interface FailedExchange {
  error: MeshError
  /** The request, or a part of it, had left: the service may have done what it asks. */
  wasSent: boolean
}

export class ExchangeError extends Error {
  readonly failed: FailedExchange

  constructor(failed: FailedExchange) {
    super(failed.error.message, { cause: failed.error })
    this.failed = failed
  }
}

/**
 * Sends a request and waits for the head of its response. Which agent answers, how often it is tried and when another one
 * is asked beside it is decided behind this function.
 * @throws ExchangeError
 */
export type OpenExchange = (request: ExchangeRequest) => Promise<OpenedExchange>

/** Over tunnels of a pool. A request that met the end of a used tunnel is repeated once, where that is safe. */
export const createExchangeOpener =
  (pool: TunnelPool): OpenExchange =>
  async (request) => {
    const agent = pool.agentFor(request.destination)
    const mayRepeat = request.isIdempotent && request.body === undefined
    agent.sweep(!mayRepeat)
    try {
      return await attempt(agent, request, false)
    } catch (err) {
      if (!(err instanceof RetryableError) || !mayRepeat || request.signal.aborted) throw err
      agent.dropIdle()
      return attempt(agent, request, true)
    }
  }

/** The tunnel had carried a request before and ended before any byte of an answer to this one. */
class RetryableError extends ExchangeError {}

/** Codes of a connection that is over, as sockets and tunnels report it. */
const isEnd = (err: unknown): boolean =>
  err instanceof Error &&
  'code' in err &&
  ['ECONNRESET', 'EPIPE', 'CONNECTION_LOST', 'TUNNEL_RESET', 'SHUTTING_DOWN'].includes(String(err.code))

const toExchangeError = (err: unknown, wasSent: boolean): MeshError => {
  if (err instanceof MeshError) return err
  const code = err instanceof Error && 'code' in err ? String(err.code) : ''
  const why = err instanceof Error ? err.message : String(err)
  if (code.startsWith('HPE_')) {
    return new MeshError('TUNNEL_RESET', `The service answered what is no HTTP: ${why}.`, {
      cause: err,
      hint: 'Is it an http service? mesh-node find lists the kinds.',
      details: { parser: code }
    })
  }
  if (isEnd(err) || wasSent)
    return new MeshError('TUNNEL_RESET', `The service ended the connection before its answer: ${why}.`, { cause: err })
  return toMeshError(err)
}

const attempt = async (agent: TunnelAgent, request: ExchangeRequest, isRepeated: boolean): Promise<OpenedExchange> => {
  const { promise, resolve, reject } = Promise.withResolvers<OpenedExchange>()
  const outgoing = httpRequest({
    agent,
    method: request.method,
    path: request.path,
    headers: request.headers,
    insecureHTTPParser: false,
    maxHeaderSize: limits.proxyHeaderBytes,
    setDefaultHeaders: false
  })
  let tunnel: Duplex | undefined
  let isReused = false
  let hasAnswer = false
  const giveUp = (): void => {
    outgoing.destroy(toMeshError(request.signal.reason, 'CANCELLED'))
  }
  request.signal.addEventListener('abort', giveUp, { once: true })
  const servedBy = (): ServedBy | undefined => (tunnel === undefined ? undefined : agent.carrierOf(tunnel)?.servedBy)
  outgoing.once('socket', (socket) => {
    tunnel = socket
    isReused = agent.count(socket) > 0
  })
  outgoing.once('continue', () => request.onContinue?.())
  outgoing.on('information', ({ statusCode, rawHeaders }) => {
    hasAnswer = true
    if (statusCode !== 100) request.onInformation?.(statusCode, rawHeaders)
  })
  outgoing.once('response', (response) => {
    hasAnswer = true
    if (tunnel !== undefined) agent.noteResponse(tunnel, response)
    resolve({ kind: 'response', response, servedBy: servedBy() })
  })
  outgoing.once('upgrade', (response, stream, head) => {
    hasAnswer = true
    request.signal.removeEventListener('abort', giveUp)
    resolve({ kind: 'upgraded', response, servedBy: servedBy(), stream, head })
  })
  // After the answer it is the answer that is cut.
  outgoing.on('error', (err) => {
    const wasSent = tunnel !== undefined
    const failed = { error: toExchangeError(err, wasSent), wasSent }
    const isRetryable = isReused && !hasAnswer && !isRepeated && isEnd(err)
    reject(isRetryable ? new RetryableError(failed) : new ExchangeError(failed))
  })
  outgoing.once('close', () => request.signal.removeEventListener('abort', giveUp))
  if (request.signal.aborted) giveUp()
  sendBody(outgoing, request)
  return promise
}

/** Bytes with backpressure; where the client breaks off, so does the request: half a body is never taken for a whole one. */
const sendBody = (outgoing: ClientRequest, { body }: ExchangeRequest): void => {
  if (body === undefined) {
    outgoing.end()
    return
  }
  const { stream, rawTrailers } = body
  outgoing.flushHeaders()
  stream.pipe(outgoing, { end: false })
  stream.once('end', () => {
    const trailers = forwardTrailers(rawTrailers())
    if (trailers.length > 0) outgoing.addTrailers(trailers)
    outgoing.end()
  })
  const onCut = (): void => {
    if (!stream.complete) outgoing.destroy(new MeshError('CANCELLED', 'The client broke off its request.'))
  }
  stream.once('error', onCut).once('close', onCut)
}
