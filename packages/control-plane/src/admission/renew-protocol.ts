import { deadline } from '../discovery/deadline.ts'
import { limits, MeshError, toMeshError, type ErrorCode } from '@agent-mesh/wire'
import { messageStream } from './message-stream.ts'
import {
  encodeNotRenewed,
  encodeRenewal,
  encodeRenewed,
  openRenewal,
  openRenewed,
  openStored,
  type RenewalPlea
} from './renew-message.ts'
import type { Connection, PublicKey, Stream, StreamHandler, StreamHandlerOptions } from '@libp2p/interface'
import type { Membership } from '@agent-mesh/identity'
import type { Admission } from './interface.ts'
import type { RenewalCheck } from './renew-message.ts'

export interface Renewed {
  /** Certificates, the leaf first; none in answer to `stored`. */
  chain: Uint8Array[]
  /** To be done when the answer has left: what it begins with ends the connection of the one who asked. */
  afterwards?: () => Promise<void>
}

export interface RenewHandlerInit {
  networkKey: PublicKey
  admission: Pick<Admission, 'greeting'>
  /** @throws MeshError that is told to the member: NOT_ISSUER, REVOKED, NAME_TAKEN, … */
  renew: (plea: RenewalPlea) => Promise<Renewed>
  onFailed?: (connection: Connection, err: unknown) => void
  now?: () => number
}

const framing = { most: limits.joinBytes, code: 'CERTIFICATE_INVALID', what: 'renewal' } as const

/** What a member is told as it is. */
const told = new Set<ErrorCode>([
  'NOT_ISSUER',
  'REVOKED',
  'DENIED',
  'NAME_TAKEN',
  'NAME_CONFLICT',
  'RATE_LIMITED',
  'LIMIT_EXCEEDED',
  'CERTIFICATE_EXPIRED',
  'CERTIFICATE_INVALID',
  'NETWORK_FOREIGN'
])

export const renewHandlerOptions: StreamHandlerOptions = {
  maxInboundStreams: 2,
  maxOutboundStreams: 2,
  runOnLimitedConnection: true
}

/** Answers members that ask for a new certificate. To be registered for members only. */
export const createRenewHandler =
  ({ networkKey, admission, renew, onFailed = () => {}, now = Date.now }: RenewHandlerInit): StreamHandler =>
  async (stream: Stream, connection: Connection) => {
    const signal = AbortSignal.timeout(limits.joinTimeoutMs)
    try {
      const messages = messageStream(stream, framing)
      const bytes = await messages.read(signal)
      let renewed: Renewed | undefined
      try {
        const membership = admission.greeting(connection.remotePeer)?.membership
        if (membership === undefined) throw new MeshError('NOT_ISSUER', 'Only a member is renewed.')
        renewed = await renew(await openRenewal(bytes, { membership, networkKey, nowMs: now() }))
        await messages.write(encodeRenewed(renewed.chain), signal)
      } catch (err) {
        const error = toMeshError(err)
        onFailed(connection, error)
        const shown = told.has(error.code) ? error : new MeshError('INTERNAL', 'The log of the issuer says why.')
        await messages.write(encodeNotRenewed(shown), signal)
      }
      await stream.close({ signal })
      await renewed?.afterwards?.()
    } catch (err) {
      stream.abort(err instanceof Error ? err : new Error(String(err)))
      onFailed(connection, err)
    }
  }

interface AskInit {
  /** To a member that may admit. */
  connection: Pick<Connection, 'newStream'>
  /** `protocols(networkId).renew`. */
  protocol: string
  signal?: AbortSignal | undefined
}

export interface RenewalRequestInit extends AskInit, Omit<RenewalCheck, 'nowMs'> {
  /** Where the certificate shall be for another key. */
  succession?: Uint8Array
  now?: () => number
}

/**
 * Asks one member for a new certificate and verifies the answer.
 * @throws MeshError with the code of the member, CERTIFICATE_INVALID, CONNECTION_LOST, TIMEOUT
 */
export const requestRenewal = async (init: RenewalRequestInit): Promise<Membership> => {
  const { succession, networkKey, membership, peerId, now = Date.now } = init
  const answer = await ask(init, encodeRenewal(succession))
  return openRenewed(answer, { networkKey, membership, peerId, nowMs: now() })
}

/**
 * Tells one member that a new key and its certificate are on disk, so that it revokes the old one.
 * @throws MeshError with the code of the member, CONNECTION_LOST, TIMEOUT
 */
export const reportStored = async (init: AskInit & { succession: Uint8Array }): Promise<void> => {
  openStored(await ask(init, encodeRenewal(init.succession, true)))
}

const ask = async ({ connection, protocol, signal: given }: AskInit, request: Uint8Array): Promise<Uint8Array> => {
  const signal = deadline(limits.joinTimeoutMs, given)
  try {
    const stream = await connection.newStream(protocol, { signal, runOnLimitedConnection: true })
    try {
      const messages = messageStream(stream, framing)
      await messages.write(request, signal)
      return await messages.read(signal)
    } finally {
      await stream.close({ signal: AbortSignal.timeout(1_000) }).catch((err: Error) => stream.abort(err))
    }
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'UnsupportedProtocolError')
      throw new MeshError('NOT_ISSUER', 'The member does not renew certificates.', { cause })
    throw toMeshError(cause, signal.aborted ? 'TIMEOUT' : 'CONNECTION_LOST')
  }
}
