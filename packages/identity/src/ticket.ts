import { createHash } from 'node:crypto'
import { base58btc } from 'multiformats/bases/base58'
import { equals } from 'uint8arrays/equals'
import { decodeMessage, limits, MeshError, parseName, Ticket } from '@agent-mesh/wire'
import { parseNetworkKey } from './certificate.ts'
import { peerIdFromBytes } from './peer-id.ts'

const prefix = 'mesh1'
const checksumBytes = 4
/** base58 needs 1.37 characters for a byte. */
const mostCharacters = limits.ticketBytes * 1.5

const base58 = /^[1-9A-HJ-NP-Za-km-z]*$/

const checksum = (bytes: Uint8Array): Uint8Array =>
  createHash('sha256').update(bytes).digest().subarray(0, checksumBytes)

const fail = (why: string, cause?: unknown): never => {
  throw new MeshError('TICKET_INVALID', `The ticket was refused: ${why}.`, { cause })
}

/**
 * `mesh1` and base58 of the message and four bytes of its SHA-256, so that a cut ticket is known as cut.
 * @throws MeshError LIMIT_EXCEEDED for one that nobody would read: too many addresses or groups
 */
export const encodeTicket = (ticket: Ticket): string => {
  const bytes = Ticket.encode(ticket)
  if (bytes.length > limits.ticketBytes) {
    throw new MeshError('LIMIT_EXCEEDED', `A ticket has at most ${limits.ticketBytes} bytes, not ${bytes.length}.`)
  }
  return prefix + base58btc.baseEncode(Buffer.concat([bytes, checksum(bytes)]))
}

const decodeBody = (text: string): Uint8Array => {
  // The decoder itself takes characters beyond Latin-1 for the digit 0.
  if (!base58.test(text)) fail('it has characters that no ticket has')
  const bytes = base58btc.baseDecode(text)
  const body = bytes.subarray(0, -checksumBytes)
  if (!equals(checksum(body), bytes.subarray(-checksumBytes))) fail('it is damaged or cut short')
  return body
}

const checkShape = (ticket: Ticket): void => {
  if (ticket.inviteId.length !== 16 || ticket.secret.length !== 16 || ticket.sealKey.length !== 32) {
    fail('a part of it has the wrong length')
  }
  if (ticket.groups.length > limits.groupsPerCertificate) fail(`it has more than ${limits.groupsPerCertificate} groups`)
  try {
    parseNetworkKey(ticket.networkKey)
    peerIdFromBytes(ticket.issuer)
    for (const group of ticket.groups) parseName(group, 'group')
  } catch (cause) {
    fail('it names no network, no issuer or no groups that could be', cause)
  }
}

/**
 * Reads a ticket; white space around it is ignored.
 * @param nowMs - clock of the reader, who is told of an expired ticket at once. It may be 10 minutes fast: the issuer,
 * whose clock counts, looks again
 * @throws MeshError TICKET_INVALID, TICKET_EXPIRED
 */
export const decodeTicket = (text: string, nowMs: number): Ticket => {
  const trimmed = text.trim()
  if (!trimmed.startsWith(prefix)) fail(`it does not begin with ${prefix}`)
  if (trimmed.length > mostCharacters) fail('it is too long')
  const body = decodeBody(trimmed.slice(prefix.length))
  const ticket = decodeMessage(Ticket, body, limits.ticketBytes, 'TICKET_INVALID', 'ticket')
  checkShape(ticket)
  if (ticket.expiresMs + limits.clockToleranceMs < nowMs) {
    throw new MeshError('TICKET_EXPIRED', `The ticket ended at ${new Date(ticket.expiresMs).toISOString()}.`)
  }
  return ticket
}
