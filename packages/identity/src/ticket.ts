import { createHash } from 'node:crypto'
import { base58btc } from 'multiformats/bases/base58'
import { equals } from 'uint8arrays/equals'
import { decodeMessage, limits, MeshError, Ticket } from '@agent-mesh/wire'

const prefix = 'mesh1'
const checksumBytes = 4

const checksum = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest().subarray(0, checksumBytes)

/** `mesh1` and base58 of the message and four bytes of its SHA-256, so that a cut ticket is known as cut. */
export const encodeTicket = (ticket: Ticket): string => {
  const bytes = Ticket.encode(ticket)
  return prefix + base58btc.baseEncode(Buffer.concat([bytes, checksum(bytes)]))
}

/**
 * Reads a ticket; white space around it is ignored.
 * @throws MeshError TICKET_INVALID, TICKET_EXPIRED
 */
export const decodeTicket = (text: string, nowMs: number): Ticket => {
  const fail = (why: string, cause?: unknown): never => { throw new MeshError('TICKET_INVALID', `The ticket was refused: ${why}.`, { cause }) }
  const trimmed = text.trim()
  if (!trimmed.startsWith(prefix)) fail(`it does not begin with ${prefix}`)
  if (trimmed.length > limits.ticketBytes * 2) fail('it is too long')
  let bytes: Uint8Array
  try {
    bytes = base58btc.baseDecode(trimmed.slice(prefix.length))
  } catch (cause) {
    return fail('it has characters that no ticket has', cause)
  }
  if (bytes.length > limits.ticketBytes + checksumBytes) fail('it is too long')
  const body = bytes.subarray(0, -checksumBytes)
  if (body.length === 0 || !equals(checksum(body), bytes.subarray(-checksumBytes))) fail('it is damaged or cut short')
  const ticket = decodeMessage(Ticket, body, limits.ticketBytes, 'TICKET_INVALID', 'ticket')
  if (ticket.inviteId.length !== 16 || ticket.secret.length !== 16 || ticket.sealKey.length !== 32) fail('a part of it has the wrong length')
  if (ticket.expiresMs < nowMs) throw new MeshError('TICKET_EXPIRED', `The ticket ended at ${new Date(ticket.expiresMs).toISOString()}.`)
  return ticket
}
