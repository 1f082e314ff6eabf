import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { apiFingerprint, fingerprintHeader } from '@agent-mesh/wire/api-fingerprint'
import { MeshError } from '@agent-mesh/wire/errors'
import { readProblem } from './problem.ts'
import { parseJson } from './validate.ts'

// An import of node:http reads its WebSocket too, and with it loads all of fetch: half of what a short command takes.
const { request } = process.getBuiltinModule('node:http')

export interface CallOptions {
  /** Gives up; the call then rejects with CANCELLED, or with TIMEOUT where the signal is that of a timeout. */
  signal?: AbortSignal | undefined
}

/** Where a node listens, and how long it may take. */
export interface Endpoint {
  socketPath: string
  timeoutMs: number
}

export interface Call {
  method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  path: string
  body?: unknown
}

/** Nothing that the local API says in one document is nearly as large. */
const answerBytes = 16 * 1024 * 1024

const errno = (err: unknown): string => (err instanceof Error && 'code' in err ? String(err.code) : '')

/** What a failed connection means to the caller. */
const connectionError = (err: unknown, { socketPath }: Endpoint): MeshError => {
  switch (errno(err)) {
    case 'ENOENT':
    case 'ECONNREFUSED':
    case 'ENOTSOCK':
      return new MeshError('NO_DAEMON', `No node answers on ${socketPath}.`, { cause: err })
    case 'EACCES':
    case 'EPERM':
      return new MeshError('STATE_UNREADABLE', `This user may not talk to the node on ${socketPath}.`, {
        cause: err,
        hint: 'Run as the user that runs the node.'
      })
    default:
      return new MeshError('NO_DAEMON', `The node on ${socketPath} hung up before it answered.`, {
        cause: err,
        hint: 'mesh-node status; look at the log of the node'
      })
  }
}

/** The reason of an abort as the error of the call. */
const abortError = (signal: AbortSignal, { method, path }: Call): MeshError => {
  const reason: unknown = signal.reason
  if (reason instanceof MeshError) return reason
  const isTimeout = reason instanceof Error && reason.name === 'TimeoutError'
  return isTimeout
    ? new MeshError('TIMEOUT', `The node did not answer ${method} ${path} in time.`, {
        cause: reason,
        hint: 'mesh-node status; look at the log of the node'
      })
    : new MeshError('CANCELLED', `${method} ${path} was given up.`, { cause: reason })
}

/** A connection per call: a unix socket costs next to nothing, and nothing is left to close. */
export const open = (
  endpoint: Endpoint,
  { method, path, body }: Call,
  headers: OutgoingHttpHeaders = {}
): ClientRequest => {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const outgoing = request({
    method,
    path,
    headers: {
      host: 'localhost',
      connection: 'close',
      ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      ...headers
    },
    createConnection: () => connect({ path: endpoint.socketPath, allowHalfOpen: true })
  })
  outgoing.end(text)
  return outgoing
}

/**
 * Runs `use` on a request; whatever ends it early is a MeshError.
 * @param timeoutMs - undefined for a call without an end of its own
 */
export const withDeadline = async <T>(
  endpoint: Endpoint,
  call: Call,
  { signal, timeoutMs }: { signal?: AbortSignal | undefined; timeoutMs?: number },
  use: (signal: AbortSignal) => Promise<T>
): Promise<T> => {
  const signals = [signal, timeoutMs === undefined ? undefined : AbortSignal.timeout(Math.ceil(timeoutMs))].filter(
    (one) => one !== undefined
  )
  const either = AbortSignal.any(signals)
  try {
    either.throwIfAborted()
    return await use(either)
  } catch (err) {
    if (either.aborted) throw abortError(either, call)
    throw err instanceof MeshError ? err : connectionError(err, endpoint)
  }
}

/** Resolves with the response head. Rejects with what the connection says, and destroys the request on abort. */
export const responseOf = async (outgoing: ClientRequest, signal: AbortSignal): Promise<IncomingMessage> => {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const abort = (): void => {
    outgoing.destroy()
    reject(signal.reason)
  }
  signal.addEventListener('abort', abort, { once: true })
  outgoing.once('response', resolve)
  outgoing.on('error', reject)
  return promise
}

/** True where the node has the very documents of this client, so that their shapes need no check. */
export const isOfSameApi = ({ headers }: IncomingMessage): boolean => headers[fingerprintHeader] === apiFingerprint

/** The text of a response. @throws MeshError API_UNREADABLE, and that of a problem document */
export const readText = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > answerBytes)
      throw new MeshError('API_UNREADABLE', `The answer of the node has more than ${answerBytes} bytes.`)
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString()
  const status = response.statusCode ?? 0
  if (status < 200 || status > 299) throw readProblem(parseJson(text), status)
  return text
}

/** The JSON of a response. @throws MeshError API_UNREADABLE, and that of a problem document */
export const readAnswer = async (response: IncomingMessage): Promise<unknown> => parseJson(await readText(response))
