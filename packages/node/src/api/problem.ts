import { STATUS_CODES } from 'node:http'
import { errorKinds, MeshError, toMeshError, type ErrorCode } from '@agent-mesh/wire/errors'
import { inertJson } from '@agent-mesh/wire/quote'
import type { Problem } from '@agent-mesh/wire/api'

export const problemType = 'application/problem+json'

/** Codes whose HTTP status says more than that of their exit code. */
const ownStatus: Partial<Record<ErrorCode, number>> = {
  NO_NETWORK: 409,
  NETWORK_EXISTS: 409,
  STATE_LOCKED: 409,
  SERVICE_TAKEN: 409,
  ADDRESS_IN_USE: 409,
  NOT_FOUND: 404,
  PEER_UNKNOWN: 404,
  NAME_UNKNOWN: 404,
  SERVICE_UNKNOWN: 404,
  FORWARD_UNKNOWN: 404,
  RATE_LIMITED: 429,
  LIMIT_EXCEEDED: 429,
  CANCELLED: 499,
  SHUTTING_DOWN: 503
}

const statusOfExit = { 1: 500, 2: 400, 3: 403, 4: 502, 5: 504 } as const

/** HTTP status of an error: 4xx where the request has to change, 5xx where the mesh or a peer failed. */
export const httpStatus = (code: ErrorCode): number => ownStatus[code] ?? statusOfExit[errorKinds[code].exit]

/** The RFC 9457 document of an error. */
export const toProblem = (err: MeshError, status: number = httpStatus(err.code)): Problem => ({
  type: `urn:agent-mesh:error:${err.code}`,
  title: errorKinds[err.code].meaning,
  status,
  detail: err.message,
  code: err.code,
  layer: err.layer,
  hint: err.hint,
  ...(Object.keys(err.details).length === 0 ? {} : { details: err.details })
})

/** Whatever a handler threw. What fastify refuses before a handler sees it is the caller's fault: USAGE. */
export const toApiError = (err: unknown): { error: MeshError; status: number } => {
  const status = err instanceof Error && 'statusCode' in err ? Number(err.statusCode) : 500
  if (!(err instanceof MeshError) && status >= 400 && status < 500) {
    const error = new MeshError('USAGE', err instanceof Error ? err.message : String(err), {
      cause: err,
      hint: apiHint
    })
    return { error, status }
  }
  const error = toMeshError(err)
  return { error, status: httpStatus(error.code) }
}

/** Where the caller of a wrong request looks next. */
export const apiHint = 'GET /v1/openapi.json describes every request.'

/** A whole HTTP/1.1 response, for a socket that has left the HTTP server. */
export const rawProblem = (problem: Problem): string => {
  const body = inertJson(JSON.stringify(problem))
  return [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? 'Error'}`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body
  ].join('\r\n')
}
