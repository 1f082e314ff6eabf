import { request as httpRequest, type IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import { Tunnel } from '../../tunnel/tunnel.ts'
import type { ServedBy } from '../open-destination.ts'
import type { RawHeaders } from './header-rules.ts'
import type { RequestBody } from './request-body.ts'
import type { TunnelAgent } from './tunnel-agent.ts'

export interface AttemptInit {
  agent: TunnelAgent
  method: string
  path: string
  /** As it goes out. */
  headers: string[]
  /** Absent where the head says that there is none. */
  body: RequestBody | undefined
  /** Longest wait for a tunnel, in milliseconds, where it is shorter than that of an open. */
  openMs: number | undefined
  /** An informational answer, 100 included. */
  onInformation: (statusCode: number, rawHeaders: RawHeaders) => void
}

/** The head of a response has come. */
export type Answer =
  | { kind: 'response'; response: IncomingMessage; servedBy: ServedBy | undefined }
  | { kind: 'upgraded'; response: IncomingMessage; servedBy: ServedBy | undefined; stream: Duplex; head: Buffer }

/** An attempt that got no response. */
export class AttemptError extends Error {
  readonly error: MeshError
  /** A byte of the request left. */
  readonly wasSent: boolean
  /** A byte of an answer came. */
  readonly hasAnswer: boolean
  /** The tunnel had carried a request before, and its end was that of the service and not of the way there. */
  readonly isStale: boolean

  constructor(error: MeshError, known: Pick<AttemptError, 'wasSent' | 'hasAnswer' | 'isStale'>) {
    super(error.message, { cause: error })
    this.error = error
    this.wasSent = known.wasSent
    this.hasAnswer = known.hasAnswer
    this.isStale = known.isStale
  }
}

export interface Attempt {
  /** @throws AttemptError */
  answer: Promise<Answer>
  /** Gives it up, its answer included where it had one. */
  cancel: (reason: MeshError) => void
}

/** What a service that is done with a connection looks like from here. */
const isServiceEnd = (err: unknown): boolean =>
  err instanceof Error && 'code' in err && ['ECONNRESET', 'EPIPE', 'TUNNEL_RESET'].includes(String(err.code))

const toAttemptError = (err: unknown, wasSent: boolean): MeshError => {
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
  if (wasSent || isServiceEnd(err))
    return new MeshError('TUNNEL_RESET', `The service ended the connection before its answer: ${why}.`, { cause: err })
  return toMeshError(err)
}

/** Bytes of a connection that came in, and that left. */
const bytesOf = (stream: Duplex | undefined): { came: number; left: number } => {
  if (stream instanceof Tunnel) return { came: stream.bytesIn, left: stream.bytesOut }
  if (stream instanceof Socket) return { came: stream.bytesRead, left: stream.bytesWritten }
  return { came: 0, left: 0 }
}

/** Sends a request once, over a tunnel of one agent. */
export const startAttempt = ({ agent, body, openMs, onInformation, ...head }: AttemptInit): Attempt => {
  const { promise: answer, resolve, reject } = Promise.withResolvers<Answer>()
  const outgoing = httpRequest({
    agent,
    ...head,
    insecureHTTPParser: false,
    maxHeaderSize: limits.proxyHeaderBytes,
    setDefaultHeaders: false
  })
  let tunnel: Duplex | undefined
  let before = bytesOf(undefined)
  let isUsed = false
  let isInformed = false
  let isAnswered = false
  const fail = (err: unknown): void => {
    clearTimeout(timer)
    if (isAnswered) return
    body?.takeFrom(outgoing)
    const { came, left } = bytesOf(tunnel)
    const wasSent = left > before.left
    const hasAnswer = isInformed || came > before.came
    const isStale = isUsed && !hasAnswer && isServiceEnd(err)
    reject(new AttemptError(toAttemptError(err, wasSent), { wasSent, hasAnswer, isStale }))
  }
  /** A request without a tunnel tells of its end only once it would have one. */
  const cancel = (reason: MeshError): void => {
    fail(reason)
    outgoing.destroy(reason)
  }
  const onLate = (): void =>
    cancel(new MeshError('TIMEOUT', `No tunnel to ${agent.getName()} was opened within ${openMs} ms.`))
  const timer = openMs === undefined ? undefined : setTimeout(onLate, openMs)
  const onAnswer = (): ServedBy | undefined => {
    isAnswered = true
    body?.forget()
    return tunnel === undefined ? undefined : agent.carrierOf(tunnel)?.servedBy
  }
  outgoing.once('socket', (socket) => {
    clearTimeout(timer)
    tunnel = socket
    before = bytesOf(socket)
    isUsed = agent.count(socket) > 0
    body?.sendTo(outgoing)
  })
  outgoing.on('information', ({ statusCode, rawHeaders }) => {
    isInformed = true
    onInformation(statusCode, rawHeaders)
  })
  outgoing.once('response', (response) => {
    if (tunnel !== undefined) agent.noteResponse(tunnel, response)
    resolve({ kind: 'response', response, servedBy: onAnswer() })
  })
  outgoing.once('upgrade', (response, stream, first) => {
    resolve({ kind: 'upgraded', response, servedBy: onAnswer(), stream, head: first })
  })
  // After the answer it is the answer that is cut.
  outgoing.on('error', fail)
  outgoing.once('close', () => fail(new MeshError('CANCELLED', 'The request was given up.')))
  if (body === undefined) outgoing.end()
  return { answer, cancel }
}
