import { randomBytes } from 'node:crypto'
import { createUnderlayWatch, pathClassOf, type LinkFigures, type UnderlayWatch } from '@agent-mesh/control-plane'
import { protocols } from '@agent-mesh/wire'
import type { PeerDocument, Status } from '@agent-mesh/wire/api'
import type { Connection, PeerId } from '@libp2p/interface'
import { isLoopback } from '@libp2p/utils'
import type { AssembleInit } from './assemble.ts'
import { tcpEndpointOf } from './endpoint.ts'
import type { NodePaths } from './paths.ts'

interface WatchRooms {
  paths: Pick<NodePaths, 'choose'>
  /** Tunnels with the peer that are open. */
  tunnelsOf: (peer: PeerId) => number
}

/** What is known of the packets to and from each member, and what is to be said of it. */
export interface NodeWatch extends Pick<UnderlayWatch, 'session'> {
  figures: (peer: string) => LinkFigures | undefined
  warnings: () => Status['warnings']
  readonly sentBytes: number
  start: () => Promise<void>
  stop: () => void
}

/** A direction that loses less than this is clean. */
const cleanShare = 0.005

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** @returns one clause for people, such as `2.1 % of the packets to it are lost`; undefined where nothing is wrong */
export const lossText = ({ out, in: back }: LinkFigures): string | undefined => {
  const there = out?.isLossy === true ? `${percent(out.share)} of the packets to it` : undefined
  const here = back?.isLossy === true ? `${percent(back.share)} of those from it` : undefined
  if (there === undefined && here === undefined) return undefined
  // Said of the other way only once it is known, and clean.
  const other = there === undefined ? out : here === undefined ? back : undefined
  const only = other !== undefined && other.share < cleanShare ? ', one way alone' : ''
  return `${[there, here].filter((one) => one !== undefined).join(' and ')} are lost${only}`
}

/** What the local API shows of it. */
export const underlayDocument = (figures: LinkFigures | undefined): Pick<PeerDocument, 'underlay'> =>
  figures === undefined ? {} : { underlay: figures }

export const createNodeWatch = (
  { credentials, config, host, underlay }: AssembleInit,
  { paths, tunnelsOf }: WatchRooms
): NodeWatch => {
  const { admission, members } = host.services
  const { echoes } = config.underlay
  const { networkId, membership } = credentials
  const protocol = protocols(networkId).underlay
  /** Of a connection over TCP by IP address; on a relay's or a WebRTC connection, UDP would go another way. */
  const hostOf = (connection: Connection): string | undefined => {
    const path = pathClassOf(connection)
    if (path === 'relayed' || path === 'webrtc') return undefined
    // What never leaves the machine loses nothing.
    if (echoes === 'auto' && isLoopback(connection.remoteAddr)) return undefined
    return tcpEndpointOf(connection.remoteAddr)?.host
  }
  const watch = createUnderlayWatch({
    networkId,
    self: membership.peerId.toString(),
    admission,
    udp: underlay.echoPorts,
    wayTo: (peer) => {
      const connection = paths.choose(peer, admission.connections(peer))
      const to = connection === undefined ? undefined : hostOf(connection)
      return connection === undefined || to === undefined ? undefined : { connection, host: to }
    },
    hostOf,
    isUsed: (peer) => tunnelsOf(peer) > 0,
    randomBytes
  })
  return {
    figures: watch.figures,
    session: watch.session,
    get sentBytes() {
      return watch.sentBytes
    },
    warnings: () =>
      admission.members().flatMap((peer): Status['warnings'] => {
        const figures = watch.figures(peer.toString())
        const text = figures === undefined ? undefined : lossText(figures)
        if (text === undefined) return []
        const name = admission.membership(peer)?.name ?? peer.toString()
        return [
          {
            code: 'UNREACHABLE',
            message: `The path to ${name} is bad: ${text}.`,
            hint: `mesh-node peers; the network between the two hosts loses them, below the mesh.`
          }
        ]
      }),
    start: async () => {
      if (echoes === 'off') return
      await underlay.echoPorts.open()
      await members.handle(protocol, watch.handler, watch.handlerOptions)
      watch.start()
    },
    stop: watch.stop
  }
}
