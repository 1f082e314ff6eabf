import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import {
  askProbe,
  askStun,
  deadline,
  encodeStunRequest,
  judgeFiltering,
  leastProbes,
  readStun,
  stunIdBytes,
  type Endpoint,
  type NatFiltering
} from '@agent-mesh/control-plane'
import { limits } from '@agent-mesh/wire'
import type { Connection } from '@libp2p/interface'
import { openUdp, type UdpSocket } from '../host/udp.ts'

/** A member that has answered STUN a moment ago. */
export interface Witness {
  endpoint: Endpoint
  /** To that host. */
  connection: Connection
}

export interface FoundFiltering {
  filtering: NatFiltering
  /** Why it is unknown. */
  reason?: string
}

/** One more than silence needs, so that one may be lost on the way to being asked. */
const tries = leastProbes + 1
/** Other hosts that are asked; the one that is heard first decides. */
const others = 2
const askMs = 3_000
/** For a datagram to come after whoever sent it has said so. */
const arriveMs = 300
const lastMs = 1_000

const unknown = (reason: string): FoundFiltering => ({ filtering: 'unknown', reason })

/** From one socket that only the first member is spoken to from, others are asked to send to. */
const probe = async (
  socket: UdpSocket,
  [server, ...further]: [Witness, ...Witness[]],
  protocol: string,
  signal: AbortSignal
): Promise<FoundFiltering> => {
  const init = { datagrams: socket, now: () => performance.now(), randomBytes }
  const until = deadline(limits.stunAnswerMs, signal)
  const answer = await askStun(init, server.endpoint, until).catch(() => undefined)
  if (answer === undefined) return unknown('a member that answered over UDP does so no longer')
  const { mapped } = answer
  const heard: Endpoint[] = []
  const hasHeard = Promise.withResolvers<void>()
  const id = randomBytes(stunIdBytes)
  const forget = socket.onDatagram((bytes, from) => {
    const message = readStun(bytes)
    if (message?.kind !== 'answer' || Buffer.compare(message.id, id) !== 0) return
    heard.push(from)
    if (from.host !== server.endpoint.host) hasHeard.resolve()
  })
  const ask = async ({ connection }: Witness, isFromOtherPort: boolean): Promise<boolean> => {
    const asked = { connection, protocol, request: encodeStunRequest(id), mapped, isFromOtherPort }
    return askProbe(asked, deadline(askMs, signal)).catch(() => false)
  }
  const sent = { fromOtherHost: 0, fromOtherPort: 0 }
  try {
    for (let count = 1; count <= tries && !signal.aborted; count++) {
      const [isPortSent, ...areSent] = await Promise.all([
        ask(server, true),
        ...further.slice(0, others).map(async (one) => ask(one, false))
      ])
      if (isPortSent) sent.fromOtherPort++
      if (areSent.includes(true)) sent.fromOtherHost++
      const waited = Promise.withResolvers<void>()
      const timer = setTimeout(waited.resolve, count === tries ? lastMs : arriveMs)
      await Promise.race([hasHeard.promise, waited.promise])
      clearTimeout(timer)
      if (heard.some(({ host }) => host !== server.endpoint.host)) break
    }
  } finally {
    forget()
  }
  const filtering = judgeFiltering({ server: server.endpoint, ...sent, heard })
  return filtering === 'unknown'
    ? unknown('members that answer over UDP did not send what they were asked for')
    : { filtering }
}

/**
 * Whom the gateway of this node lets in, by what members send to it: one of another host than the only one that the socket has
 * sent to, and that one from another port. It takes some two seconds.
 */
export const measureFiltering = async (
  witnesses: Witness[],
  protocol: string,
  signal: AbortSignal
): Promise<FoundFiltering> => {
  const families = [4, 6].map((family) => witnesses.filter(({ endpoint }) => isIP(endpoint.host) === family))
  const sets = families.map(([server, ...more]) => ({
    server,
    more: more.filter(({ endpoint }) => endpoint.host !== server?.endpoint.host)
  }))
  const chosen = sets.find(({ more }) => more.length > 0)
  if (chosen?.server === undefined) return unknown('it takes members on two hosts that answer over UDP')
  const { server, more } = chosen
  const any = isIP(server.endpoint.host) === 6 ? '::' : '0.0.0.0'
  const socket = await openUdp({ host: any, port: 0 }).catch(() => undefined)
  if (socket === undefined) return unknown('no UDP port could be opened')
  try {
    return await probe(socket, [server, ...more], protocol, signal)
  } finally {
    await socket.close()
  }
}
