import { MeshError } from '@agent-mesh/wire'
import { isRelayed, type Admission } from '@agent-mesh/control-plane'
import type { Connection, PeerId } from '@libp2p/interface'
import type { WebRtc } from '../host/webrtc.ts'

export interface WebRtcAttemptInit {
  admission: Pick<Admission, 'connections'>
  webrtc: WebRtc
}

/**
 * One attempt to get a WebRTC connection to a peer that is connected by another one; the peer is admitted on it.
 * @throws MeshError UNREACHABLE where no connection is there to send an offer over, and what {@link WebRtc.connect} throws
 */
export const webRtcAttempt =
  ({ admission, webrtc }: WebRtcAttemptInit) =>
  async (peer: PeerId, signal: AbortSignal): Promise<Connection> => {
    const open = admission.connections(peer).filter(({ status }) => status === 'open')
    const over = open.find(({ remoteAddr }) => isRelayed(remoteAddr)) ?? open[0]
    if (over === undefined)
      throw new MeshError('UNREACHABLE', `No connection to ${peer.toString()} is there to offer WebRTC over.`)
    return webrtc.connect(peer, { over, signal })
  }
