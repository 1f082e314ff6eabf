import type { ErrorCode, MeshError } from '@agent-mesh/wire'

/** What the proxy calls itself in `Proxy-Status` and `Via`. */
export const proxyName = 'mesh-node'

/** Proxy error types of RFC 9209, section 2.3, as far as a mesh can have them. */
type ProxyErrorType =
  | 'connection_limit_reached'
  | 'connection_refused'
  | 'connection_terminated'
  | 'connection_timeout'
  | 'destination_ip_prohibited'
  | 'destination_ip_unroutable'
  | 'destination_not_found'
  | 'destination_unavailable'
  | 'dns_error'
  | 'http_protocol_error'
  | 'http_request_denied'
  | 'http_request_error'
  | 'http_response_header_section_size'
  | 'http_response_incomplete'
  | 'proxy_internal_error'
  | 'proxy_loop_detected'

/** An answer that the proxy gives by itself. */
export interface Failure {
  status: number
  type: ProxyErrorType
  error: MeshError
  /** Members of the list that tell of agents that were asked before. */
  before?: readonly string[]
}

type Kind = [status: number, type: ProxyErrorType]

const denied: Kind = [403, 'http_request_denied']
const unknown: Kind = [502, 'dns_error']
const unavailable: Kind = [503, 'destination_unavailable']
const late: Kind = [504, 'connection_timeout']
const full: Kind = [503, 'connection_limit_reached']

/** Statuses are those that the RFC recommends, but for a prohibited address: that is our refusal, not a bad gateway. */
const kinds: Partial<Record<ErrorCode, Kind>> = {
  USAGE: [400, 'http_request_error'],
  TARGET_INVALID: [400, 'http_request_error'],
  CAPABILITY_AMBIGUOUS: [400, 'http_request_error'],
  NAME_OUTSIDE: denied,
  ADDRESS_PROHIBITED: [403, 'destination_ip_prohibited'],
  DENIED: denied,
  NOT_A_MEMBER: denied,
  REVOKED: denied,
  REFUSED_EARLIER: denied,
  NAME_UNKNOWN: unknown,
  NAME_CONFLICT: unknown,
  PEER_UNKNOWN: unknown,
  NOT_FOUND: unknown,
  SERVICE_UNKNOWN: [502, 'destination_not_found'],
  UNREACHABLE: unavailable,
  STALE_ROUTE: unavailable,
  CONNECTION_LOST: unavailable,
  SHUTTING_DOWN: unavailable,
  TIMEOUT: late,
  HELLO_TIMEOUT: late,
  UPSTREAM_TIMEOUT: late,
  UPSTREAM_REFUSED: [502, 'connection_refused'],
  UPSTREAM_UNREACHABLE: [502, 'destination_ip_unroutable'],
  TUNNEL_RESET: [502, 'connection_terminated'],
  LIMIT_EXCEEDED: full,
  RATE_LIMITED: full
}

/** @param wasSent - the request, or a part of it, had left: then a cut connection is no unavailable destination */
export const toFailure = (error: MeshError, wasSent = false): Failure => {
  const [status, type]: Kind =
    wasSent && error.code === 'CONNECTION_LOST'
      ? [502, 'connection_terminated']
      : (kinds[error.code] ?? [500, 'proxy_internal_error'])
  return { status, type, error }
}

/** A string of structured fields (RFC 8941): printable ASCII alone. */
const quoted = (text: string): string =>
  `"${text
    .slice(0, 500)
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .replaceAll(/["\\]/g, '\\$&')}"`

/** The header field of RFC 9209 that says which layer failed. */
export const formatProxyStatus = ({ type, error, before = [] }: Pick<Failure, 'type' | 'error' | 'before'>): string => {
  const rcode = type === 'dns_error' ? '; rcode="NXDOMAIN"' : ''
  return [
    ...before,
    `${proxyName}; error=${type}${rcode}; details=${quoted(`${error.layer}: ${error.code}: ${error.message}`)}`
  ].join(', ')
}

const nextHop = (peerId: string | undefined): string => (peerId === undefined ? '' : `; next-hop=${quoted(peerId)}`)

/** A member of the list of RFC 9209 for an agent that was asked in vain. */
export const formatAttempt = (attempt: { peerId: string | undefined; error: MeshError; wasSent: boolean }): string => {
  const { type, error } = toFailure(attempt.error, attempt.wasSent)
  return `${proxyName}; error=${type}${nextHop(attempt.peerId)}; details=${quoted(`${error.layer}: ${error.code}`)}`
}

/** The one for the agent that answered after others had not. */
export const formatSwitch = (peerId: string, status: number): string =>
  `${proxyName}${nextHop(peerId)}; received-status=${status}`
