import { decodeMessage, EchoAccept, EchoOpen, limits, MeshError, type EchoProbe } from '@agent-mesh/wire'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import type { Connection } from '@libp2p/interface'
import { messageStream } from '../admission/message-stream.ts'
import { TokenBuckets } from '../admission/token-buckets.ts'
import { encodeStunAnswer, isSameHost, readStun, type Endpoint } from './stun-message.ts'
import type { EchoPorts } from './watch.ts'

/** Answers of {@link EchoAccept}. */
export const echoCodes = { accepted: 0, full: 1, crossing: 2, elsewhere: 3 } as const

/** NATs map to no lower port, and below it are the services of others. */
const leastPort = 1_024

export interface FilterProbesInit {
  udp: Pick<EchoPorts, 'send' | 'ports'>
  /** Milliseconds; only differences matter. */
  now: () => number
}

/**
 * Sends single datagrams to members that want to know whom their gateway lets in (RFC 5780, section 4.4), and is of no use
 * against anybody else: they go to the host that the member's own connection comes from, are no longer than the request for
 * them, and few.
 */
export class FilterProbes {
  readonly #udp: FilterProbesInit['udp']
  readonly #perMember: TokenBuckets
  readonly #all: TokenBuckets

  constructor({ udp, now }: FilterProbesInit) {
    this.#udp = udp
    this.#perMember = new TokenBuckets({
      capacity: limits.echoProbesPerMember,
      perSecond: limits.echoProbesPerMemberPerSecond,
      keys: limits.membersRemembered,
      now
    })
    const perSecond = limits.echoProbesPerSecond
    this.#all = new TokenBuckets({ capacity: perSecond, perSecond, keys: 1, now })
  }

  /**
   * @param host - that the connection of the member comes from; undefined where UDP would go another way
   * @returns the code for the member
   * @throws MeshError TUNNEL_PROTOCOL where the request is none
   */
  answer(peer: string, host: string | undefined, { request, host: wanted, port, isFromOtherPort }: EchoProbe): number {
    const message = readStun(request)
    if (message?.kind !== 'request' || port < leastPort || port > 65_535)
      throw new MeshError('TUNNEL_PROTOCOL', `${peer} asks for a datagram with values that cannot be.`)
    if (host === undefined || !isSameHost(host, wanted)) return echoCodes.elsewhere
    const at = isFromOtherPort ? 1 : 0
    const datagram = encodeStunAnswer(message.id, { host, port })
    if (this.#udp.ports(host)[at] === undefined || datagram.length > request.length) return echoCodes.elsewhere
    if (!this.#perMember.take(peer)) return echoCodes.full
    if (!this.#all.take('all')) return echoCodes.full
    this.#udp.send(datagram, { host, port }, at)
    return echoCodes.accepted
  }
}

export interface AskedProbe {
  /** To a member with another host than the one that the socket has sent to, or to that one. */
  connection: Connection
  /** `protocols(networkId).underlay`. */
  protocol: string
  /** A request of STUN; the datagram carries its id. */
  request: Uint8Array
  /** Where this node's socket is seen. */
  mapped: Endpoint
  isFromOtherPort: boolean
}

/**
 * Asks a member to send one datagram to a port of this node.
 * @returns whether it says that it has
 * @throws MeshError of the stream, TIMEOUT, CANCELLED
 */
export const askProbe = async (
  { connection, protocol, request, mapped, isFromOtherPort }: AskedProbe,
  signal: AbortSignal
): Promise<boolean> => {
  const stream = await connection.newStream(protocol, { signal })
  try {
    const messages = messageStream(stream, { most: limits.echoOpenBytes, code: 'TUNNEL_PROTOCOL', what: 'UDP probe' })
    await messages.write(
      EchoOpen.encode({ probe: { request: withArrayBuffer(request), ...mapped, isFromOtherPort } }),
      signal
    )
    const bytes = await messages.read(signal)
    const { code } = decodeMessage(EchoAccept, bytes, limits.echoOpenBytes, 'TUNNEL_PROTOCOL', 'answer')
    return code === echoCodes.accepted
  } finally {
    stream.abort(new MeshError('CANCELLED', 'The probe is over.'))
  }
}
