import type { ErrorCode } from '@agent-mesh/wire'

/** Reply codes of RFC 1928, section 6. */
export const replies = {
  succeeded: 0x00,
  generalFailure: 0x01,
  notAllowed: 0x02,
  networkUnreachable: 0x03,
  hostUnreachable: 0x04,
  refused: 0x05,
  ttlExpired: 0x06,
  commandNotSupported: 0x07,
  addressTypeNotSupported: 0x08
} as const

export type Reply = (typeof replies)[keyof typeof replies]

export const version = 5
export const noAuthentication = 0x00
export const connectCommand = 0x01

/** VER and METHOD. */
export const encodeMethod = (method: number): Uint8Array => Uint8Array.of(version, method)

/** "No acceptable methods": the client has to close. */
export const noMethod = 0xff

/** A reply. The bound address is that of no socket: a tunnel has none that would mean anything to the client. */
export const encodeReply = (reply: Reply): Uint8Array => Uint8Array.of(version, reply, 0, 1, 0, 0, 0, 0, 0, 0)

/** "Request rejected or failed" of SOCKS4, which has no words for more. */
export const encodeSocks4Refusal = (): Uint8Array => Uint8Array.of(0, 0x5b, 0, 0, 0, 0, 0, 0)

/** Errors that are no general failure. */
const replyByCode: Partial<Record<ErrorCode, Reply>> = {
  NAME_OUTSIDE: replies.notAllowed,
  ADDRESS_PROHIBITED: replies.notAllowed,
  DENIED: replies.notAllowed,
  NOT_A_MEMBER: replies.notAllowed,
  REVOKED: replies.notAllowed,
  REFUSED_EARLIER: replies.notAllowed,
  RATE_LIMITED: replies.notAllowed,
  NO_NETWORK: replies.networkUnreachable,
  SHUTTING_DOWN: replies.networkUnreachable,
  CERTIFICATE_EXPIRED: replies.networkUnreachable,
  NAME_UNKNOWN: replies.hostUnreachable,
  NAME_CONFLICT: replies.hostUnreachable,
  PEER_UNKNOWN: replies.hostUnreachable,
  NOT_FOUND: replies.hostUnreachable,
  TARGET_INVALID: replies.hostUnreachable,
  CAPABILITY_AMBIGUOUS: replies.hostUnreachable,
  UNREACHABLE: replies.hostUnreachable,
  STALE_ROUTE: replies.hostUnreachable,
  CONNECTION_LOST: replies.hostUnreachable,
  UPSTREAM_UNREACHABLE: replies.hostUnreachable,
  SERVICE_UNKNOWN: replies.refused,
  UPSTREAM_REFUSED: replies.refused,
  TIMEOUT: replies.ttlExpired,
  HELLO_TIMEOUT: replies.ttlExpired,
  UPSTREAM_TIMEOUT: replies.ttlExpired
}

/** What a client is told of an error. */
export const replyOf = (code: ErrorCode): Reply => replyByCode[code] ?? replies.generalFailure
