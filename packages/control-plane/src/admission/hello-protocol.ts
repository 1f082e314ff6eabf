import {
  limits,
  MeshError,
  protocols,
  toMeshError,
  type ErrorCode,
  type HelloRequest,
  type NetworkId
} from '@agent-mesh/wire'
import { hearHello, sayHello, type HelloParty } from './hello-exchange.ts'
import { checkHello, helloOf, type HelloSelf } from './hello-message.ts'
import type { Connection, PeerId, PublicKey, Stream, StreamHandlerOptions } from '@libp2p/interface'
import type { Membership } from '@agent-mesh/identity'
import type { Greeting } from './interface.ts'
import type { Visit } from './visit.ts'

export interface HelloProtocolInit {
  networkId: NetworkId
  networkKey: PublicKey
  now: () => number
  self: () => HelloSelf
  /** Whether this node has no other connection to the peer at its end. */
  isOnly: (connection: Connection) => boolean
  /** Refuses a member whose certificates verify. */
  deny: (peer: PeerId, membership: Membership) => ErrorCode | undefined
  visit: (connection: Connection) => Visit | undefined
  onGreeted: (visit: Visit, greeting: Greeting) => void
  onRefused: (connection: Connection, error: MeshError) => void
}

const isUnsupported = (err: unknown): boolean => err instanceof Error && err.name === 'UnsupportedProtocolError'

/** Hello over libp2p streams: one for each connection, opened by the side that dialled. */
export class HelloProtocol {
  readonly id: string
  readonly handlerOptions: StreamHandlerOptions = {
    maxInboundStreams: 1,
    maxOutboundStreams: 1,
    runOnLimitedConnection: true
  }
  readonly #init: HelloProtocolInit

  constructor(init: HelloProtocolInit) {
    this.#init = init
    this.id = protocols(init.networkId).hello
  }

  /** Says hello on a connection that this node dialled; never rejects. */
  async greet(visit: Visit): Promise<void> {
    const { connection, signal } = visit
    await this.#run(visit, async () => {
      // the protocol leaves with the hello, a round trip earlier than by asking for it first
      const options = { signal, runOnLimitedConnection: true, negotiateFully: false }
      const stream = await connection.newStream(this.id, options)
      return { stream, greeting: await sayHello(stream, this.#party(visit)) }
    })
  }

  /** Answers the hello of a peer that dialled this node; never rejects. */
  readonly handle = async (stream: Stream, connection: Connection): Promise<void> => {
    const visit = this.#init.visit(connection)
    if (visit?.state.is !== 'waiting' || connection.direction === 'outbound') {
      stream.abort(new MeshError('NOT_A_MEMBER', 'A hello comes once, from the side that dialled.'))
      return
    }
    await this.#run(visit, async () => ({ stream, greeting: await hearHello(stream, this.#party(visit)) }))
  }

  async #run(visit: Visit, exchange: () => Promise<{ stream: Stream; greeting: Greeting }>): Promise<void> {
    const { connection } = visit
    try {
      const { stream, greeting } = await exchange()
      this.#init.onGreeted(visit, greeting)
      await stream
        .close({ signal: AbortSignal.timeout(limits.helloTimeoutMs) })
        .catch((err: Error) => stream.abort(err))
    } catch (err) {
      this.#init.onRefused(connection, this.#explain(err, connection))
    }
  }

  #party({ connection, signal }: Visit): HelloParty {
    const { networkKey, now, self, isOnly, deny } = this.#init
    const { remotePeer } = connection
    return {
      remotePeer,
      signal,
      hello: () => helloOf(self(), now(), isOnly(connection)),
      check: async (hello: HelloRequest) => {
        const greeting = await checkHello(hello, { networkKey, remotePeer, nowMs: now() })
        const code = deny(remotePeer, greeting.membership)
        if (code !== undefined) throw new MeshError(code, `"${greeting.membership.name}" is not admitted any more.`)
        return greeting
      }
    }
  }

  #explain(err: unknown, { remotePeer }: Connection): MeshError {
    if (isUnsupported(err) || (err instanceof Error && isUnsupported(err.cause))) {
      const why = `${remotePeer.toString()} does not speak the hello of network ${this.#init.networkId}.`
      return new MeshError('NOT_A_MEMBER', why, { cause: err })
    }
    return toMeshError(err, 'CONNECTION_LOST')
  }
}
