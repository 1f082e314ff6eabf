import { deadline } from '../discovery/deadline.ts'
import {
  JoinAnswer,
  decodeMessage,
  limits,
  MeshError,
  protocols,
  toMeshError,
  type ErrorCode,
  type NetworkId
} from '@agent-mesh/wire'
import { abortable } from './abortable.ts'
import { memberConnections } from './connections-view.ts'
import { decodeJoinRequest, encodeGranted, encodeRefused, openPlea, type Grant, type Plea } from './join-message.ts'
import { messageStream } from './message-stream.ts'
import type { ComponentLogger, Connection, Logger, PeerId, Startable, Stream } from '@libp2p/interface'
import type { ConnectionManager, Registrar } from '@libp2p/interface-internal'
import type { AdmissionService } from './admission-service.ts'
import type { StrangerLimits } from './stranger-limits.ts'

export interface JoinServiceInit {
  networkId: NetworkId
  /** Private half of the key that an invitation is sealed with; undefined where this node knows no such invitation. */
  sealKeyOf: (inviteId: Uint8Array) => string | undefined
  /** Spends the invitation. @throws MeshError TICKET_UNKNOWN, TICKET_EXPIRED, TICKET_USED, NAME_TAKEN, NOT_ISSUER */
  redeem: (plea: Plea) => Promise<Grant>
  limits: StrangerLimits
  /** An admitted connection to the issuer, to pass a join on. Default: the host's connection, or a new one. */
  connect?: (issuer: PeerId, options: { signal: AbortSignal }) => Promise<Connection>
  /** Milliseconds since 1970. */
  now?: () => number
  logger?: ComponentLogger
}

export interface JoinComponents {
  peerId: PeerId
  registrar: Registrar
  connectionManager: ConnectionManager
  admission: AdmissionService
  logger: ComponentLogger
}

/** Joins in progress on one connection; of a stranger's connection only the first is answered. */
const joinsPerConnection = 8
const framing = { most: limits.joinBytes, code: 'TICKET_INVALID', what: 'join' } as const

/** What a joiner is told as it is; whatever else goes wrong here is for this node's log alone. */
const told = new Set<ErrorCode>([
  'TICKET_INVALID',
  'TICKET_EXPIRED',
  'TICKET_USED',
  'TICKET_UNKNOWN',
  'NAME_INVALID',
  'NAME_TAKEN',
  'NOT_ISSUER',
  'CLOCK_SKEW',
  'RATE_LIMITED',
  'UNREACHABLE',
  'TIMEOUT',
  'SHUTTING_DOWN'
])

/**
 * Answers those who hold a ticket, and passes their requests on to the issuer that the ticket names. Only the issuer
 * can read a request, and only the joiner its answer.
 */
export class JoinService implements Startable {
  readonly [Symbol.toStringTag] = '@agent-mesh/join'
  readonly #init: JoinServiceInit
  readonly #components: JoinComponents
  readonly #protocol: string
  readonly #log: Logger

  constructor(components: JoinComponents, init: JoinServiceInit) {
    this.#init = init
    this.#components = components
    this.#protocol = protocols(init.networkId).join
    this.#log = (init.logger ?? components.logger).forComponent('agent-mesh:join')
  }

  async start(): Promise<void> {
    await this.#components.registrar.handle(this.#protocol, this.#onStream, {
      maxInboundStreams: joinsPerConnection,
      maxOutboundStreams: joinsPerConnection,
      runOnLimitedConnection: true
    })
  }

  async stop(): Promise<void> {
    await this.#components.registrar.unhandle(this.#protocol)
  }

  readonly #onStream = async (stream: Stream, connection: Connection): Promise<void> => {
    const messages = messageStream(stream, framing)
    const answer = await messages.read(AbortSignal.timeout(limits.helloTimeoutMs)).then(
      async (request) => this.#answer(request, connection),
      (err: unknown) => this.#refusal(err)
    )
    try {
      await messages.write(answer, AbortSignal.timeout(limits.helloTimeoutMs))
      await stream.close({ signal: AbortSignal.timeout(limits.helloTimeoutMs) })
    } finally {
      this.#components.admission.stranger(connection)?.endJoin()
    }
  }

  async #answer(request: Uint8Array, connection: Connection): Promise<Uint8Array> {
    const end = this.#init.limits.beginJoin(connection)
    try {
      if (end === undefined) throw new MeshError('RATE_LIMITED', 'Too many joins at the moment.')
      const { issuerId } = decodeJoinRequest(request)
      const stranger = this.#components.admission.stranger(connection)
      stranger?.beginJoin()
      const signal = deadline(limits.joinTimeoutMs, stranger?.signal)
      const isOurs = issuerId.equals(this.#components.peerId)
      return await abortable(isOurs ? this.#redeem(request) : this.#passOn(issuerId, request, signal), signal)
    } catch (err) {
      return this.#refusal(err)
    } finally {
      end?.()
    }
  }

  async #redeem(bytes: Uint8Array): Promise<Uint8Array> {
    const { sealKeyOf, redeem, now = Date.now } = this.#init
    const request = decodeJoinRequest(bytes)
    const sealKey = sealKeyOf(request.inviteId)
    if (sealKey === undefined) throw new MeshError('TICKET_UNKNOWN')
    const { plea, sealGrant } = await openPlea(request, sealKey, now())
    const granted = encodeGranted(sealGrant(await redeem(plea)))
    this.#log('%p joins', plea.peerId)
    return granted
  }

  /** To the issuer itself and no further, so that a request cannot go round in circles. */
  async #passOn(issuer: PeerId, request: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    try {
      const connection = await this.#connect(issuer, signal)
      const stream = await connection.newStream(this.#protocol, { signal, runOnLimitedConnection: true })
      try {
        const messages = messageStream(stream, framing)
        await messages.write(request, signal)
        const answer = await messages.read(signal)
        decodeMessage(JoinAnswer, answer, limits.joinBytes, 'TICKET_INVALID', 'answer to a join')
        return answer
      } finally {
        await stream.close({ signal: AbortSignal.timeout(1_000) }).catch((err: Error) => stream.abort(err))
      }
    } catch (cause) {
      signal.throwIfAborted()
      throw new MeshError('UNREACHABLE', `The issuer ${issuer.toString()} cannot be reached from here.`, { cause })
    }
  }

  async #connect(issuer: PeerId, signal: AbortSignal): Promise<Connection> {
    const { connectionManager, admission } = this.#components
    const { connect } = this.#init
    if (connect !== undefined) return connect(issuer, { signal })
    return memberConnections(connectionManager, () => admission).openConnection(issuer, { signal })
  }

  #refusal(err: unknown): Uint8Array {
    const isTime = err instanceof Error && err.name === 'TimeoutError'
    const error = toMeshError(err, isTime ? 'TIMEOUT' : 'INTERNAL')
    this.#log('a join is refused - %e', err)
    return encodeRefused(told.has(error.code) ? error : new MeshError('INTERNAL', 'The log of the issuer says why.'))
  }
}

/** The libp2p service that lets others join. The service `admission` has to be configured on the same host. */
export const join =
  (init: JoinServiceInit) =>
  (components: JoinComponents): JoinService =>
    new JoinService(components, init)
