import { deadline } from '../discovery/deadline.ts'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { limits, MeshError, protocols, toMeshError, type Ticket } from '@agent-mesh/wire'
import { networkIdOf, parseNetworkKey } from '@agent-mesh/identity'
import { abortable } from './abortable.ts'
import { openJoinAnswer, sealPlea, type Joined } from './join-message.ts'
import { messageStream } from './message-stream.ts'
import type { Connection, PrivateKey, Stream } from '@libp2p/interface'

export interface JoinClientInit {
  /** To the issuer of the ticket, or to any member, who passes the request on. */
  connection: Pick<Connection, 'newStream'>
  ticket: Ticket
  /** The key that is to become a member. */
  key: PrivateKey
  name: string
  signal?: AbortSignal
  now?: () => number
}

/**
 * Asks for a certificate with a ticket and verifies the answer: the whole chain in the network of the ticket, for this
 * key and this name.
 * @throws MeshError with the code of the issuer (TICKET_UNKNOWN, TICKET_EXPIRED, TICKET_USED, NAME_TAKEN, RATE_LIMITED,
 * …), NOT_A_MEMBER where the other side does not let others join, CERTIFICATE_INVALID, CONNECTION_LOST, TIMEOUT
 */
export const requestJoin = async ({
  connection,
  ticket,
  key,
  name,
  signal,
  now = Date.now
}: JoinClientInit): Promise<Joined> => {
  // a member that passes the request on waits for the issuer as long as this: its answer has to find us here
  const ended = deadline(limits.joinTimeoutMs + limits.helloTimeoutMs, signal)
  const plea = { ticket, key, name, nowMs: now() }
  const { request, openGrant } = await sealPlea(plea)
  const stream = await openStream(connection, ticket, ended)
  try {
    const messages = messageStream(stream, { most: limits.joinBytes, code: 'TICKET_INVALID', what: 'answer to a join' })
    await messages.write(request, ended)
    const answer = await messages.read(ended)
    return await openJoinAnswer(answer, openGrant, plea, peerIdFromPrivateKey(key))
  } finally {
    await stream.close({ signal: AbortSignal.timeout(1_000) }).catch((err: Error) => stream.abort(err))
  }
}

const openStream = async (
  connection: JoinClientInit['connection'],
  ticket: Ticket,
  signal: AbortSignal
): Promise<Stream> => {
  const protocol = protocols(networkIdOf(parseNetworkKey(ticket.networkKey))).join
  try {
    return await abortable(connection.newStream(protocol, { signal, runOnLimitedConnection: true }), signal)
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'UnsupportedProtocolError') {
      throw new MeshError('NOT_A_MEMBER', 'The node at this address is not in the network of the ticket.', { cause })
    }
    throw toMeshError(cause, signal.aborted ? 'TIMEOUT' : 'CONNECTION_LOST')
  }
}
