import { MeshError } from '@agent-mesh/wire/errors'
import { isIdempotent } from '@agent-mesh/wire/http-method'

const lost = new Set(['CONNECTION_LOST', 'TUNNEL_RESET', 'SHUTTING_DOWN', 'UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

export interface FailedRequest {
  method: string
  hasBody: boolean
  /** A byte of an answer came. */
  hasAnswer: boolean
  /** How often it went out, this time included. */
  attempts: number
  error: unknown
}

/** At most three agents see a request. */
const mostAttempts = 3

/** Whether the connection is what failed, rather than the request. */
const isLostConnection = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && lost.has(String(error.code))

/**
 * Whether a request may go out again, to whichever agent answers then: doing it twice means the same as once, there is
 * nothing of it that cannot be sent again, and nobody has begun to answer.
 */
export const mayRepeat = ({ method, hasBody, hasAnswer, attempts, error }: FailedRequest): boolean =>
  isIdempotent(method) && !hasBody && !hasAnswer && attempts < mostAttempts && isLostConnection(error)

/** What a lost connection is to whoever asked. */
export const toLostError = (error: unknown): unknown =>
  error instanceof MeshError || !isLostConnection(error)
    ? error
    : new MeshError('TUNNEL_RESET', 'The service ended the connection before its answer was whole.', { cause: error })
