import { circuitMeter, createPaths, type Dialler, type PathDialler, type Paths } from '@agent-mesh/control-plane'
import { protocols } from '@agent-mesh/wire'
import type { PeerId } from '@libp2p/interface'
import type { AssembleInit } from './assemble.ts'
import { createNetworkWatch } from './network-watch.ts'
import { punchAttempt } from './punch-attempt.ts'
import { webRtcAttempt } from './webrtc-attempt.ts'

interface PathRooms {
  dialler: PathDialler
  trafficOf: (peer: PeerId) => { bytesIn?: number | undefined; bytesOut?: number | undefined }
  /** A path to a member does not answer as it should, or is another one than before. */
  onDoubted: (peer: PeerId) => void
  /** The addresses of this machine are others: others are to be told. */
  onMoved: () => void
}

/** The choice of paths in a running node. */
export interface NodePaths extends Pick<Paths, 'choose' | 'standing' | 'hurry' | 'measure' | 'spent'> {
  start: () => Promise<void>
  stop: () => void
  /** Dials for tunnels: a peer that is dialled so counts as in use. */
  forTunnels: (dialler: Dialler) => Dialler
}

export const createNodePaths = (
  { credentials, config, host, events }: AssembleInit,
  { dialler, trafficOf, onDoubted, onMoved }: PathRooms
): NodePaths => {
  const { admission, members, punch, webrtc } = host.services
  const paths = createPaths({
    networkId: credentials.networkId,
    admission,
    host,
    attempts: {
      direct: async (peer, signal) => dialler.attempt(peer, 'direct', signal),
      relayed: async (peer, signal) => dialler.attempt(peer, 'relayed', signal),
      punch: punchAttempt({ admission, punch }),
      ...(webrtc === undefined ? {} : { webrtc: webRtcAttempt({ admission, webrtc }) })
    },
    trafficOf,
    isDirectOnly: config.paths.direct_only,
    isSpent: (connection) => circuitMeter(connection)?.isSpent === true,
    onDoubted,
    onPreferred: (peer, path, before) => {
      if (before !== undefined) onDoubted(peer)
      events.emit(before === undefined ? 'debug' : 'info', 'path:changed', {
        peer: peer.toString(),
        path: path ?? 'none',
        before: before ?? 'none'
      })
    },
    onClosed: (peer, path, why) =>
      events.emit(why === 'zombie' ? 'warn' : 'debug', 'path:closed', {
        peer: peer.toString(),
        path: path ?? 'none',
        reason: why
      }),
    onAttempt: (peer, kind, code) =>
      events.emit('debug', 'path:attempt', { peer: peer.toString(), kind, code: code ?? 'ok' })
  })
  const watch = createNetworkWatch((addresses) => {
    events.emit('info', 'network:changed', { addresses: addresses.join(' ') })
    paths.moved()
    onMoved()
  })
  return {
    choose: paths.choose,
    standing: paths.standing,
    hurry: paths.hurry,
    measure: paths.measure,
    spent: paths.spent,
    start: async () => {
      await members.handle(protocols(credentials.networkId).echo, paths.handler, paths.handlerOptions)
      paths.start()
      watch.start()
    },
    stop: () => {
      watch.stop()
      paths.stop()
    },
    forTunnels: (plain) => ({
      connect: async (peer, options) => {
        paths.wanted(peer)
        const connection = await plain.connect(peer, options)
        paths.wanted(peer)
        return connection
      }
    })
  }
}
