/**
 * TCP connections between two hosts that are both behind NATs, without UDP. Both connect to each other from a port whose
 * mapped address they have learnt from other members; each NAT takes the packets of the other side for answers. What
 * comes of it is an ordinary connection of libp2p, with its own encryption and muxer.
 *
 * The two agree over a connection that they have, as a rule one through a relay. The relay, and whoever else was dialled
 * at a public address, says from where the port is seen: on its ordinary listen port, where `tcpObserver` is one of the
 * encrypters. Who asked for the punch is the dialler of the connection; both asking at once makes one connection.
 *
 * @example
 * ```ts
 * import { tcpObserver, tcpPunch } from '@agent-mesh/transport-tcp-punch'
 *
 * const node = await createLibp2p({
 *   transports: [tcp(), circuitRelayTransport()],
 *   connectionEncrypters: [nativeTls(), tcpObserver('/observed/1.0.0')],
 *   streamMuxers: [yamux()],
 *   services: { punch: tcpPunch({ protocol: '/punch/1.0.0', observedProtocol: '/observed/1.0.0' }) }
 * })
 * const direct = await node.services.punch.punch(peer, { relayed, signal: AbortSignal.timeout(15_000) })
 * ```
 */
import { TcpObserver } from './observer.ts'
import { TcpPunchService, type TcpPunch, type TcpPunchComponents, type TcpPunchInit } from './punch.ts'
import type { ConnectionEncrypter } from '@libp2p/interface'

export { isPunched } from './address.ts'
export type { TcpPunch, TcpPunchComponents, TcpPunchInit } from './punch.ts'

export const tcpPunch =
  (init: TcpPunchInit) =>
  (components: TcpPunchComponents): TcpPunch =>
    new TcpPunchService(components, init)

/** Answers from where a connection comes. It stands last among the encrypters. */
export const tcpObserver = (protocol: string) => (): ConnectionEncrypter => new TcpObserver(protocol)
