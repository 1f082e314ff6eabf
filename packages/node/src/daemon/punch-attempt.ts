import { MeshError } from '@agent-mesh/wire'
import { isRelayed, type Admission } from '@agent-mesh/control-plane'
import type { Connection, PeerId } from '@libp2p/interface'
import type { TcpPunch } from '@agent-mesh/transport-tcp-punch'

export interface PunchAttemptInit {
  admission: Pick<Admission, 'connections' | 'waitFor'>
  punch: TcpPunch
}

/**
 * One attempt to get a punched connection of a peer that a relayed one leads to; the peer is admitted on it.
 * @throws MeshError PUNCH_FAILED also where no connection is there to agree on, and what the hello of the peer says
 */
export const punchAttempt =
  ({ admission, punch }: PunchAttemptInit) =>
  async (peer: PeerId, signal: AbortSignal): Promise<Connection> => {
    const open = admission.connections(peer).filter(({ status }) => status === 'open')
    const relayed = open.find(({ remoteAddr }) => isRelayed(remoteAddr)) ?? open[0]
    if (relayed === undefined)
      throw new MeshError('PUNCH_FAILED', `No connection to ${peer.toString()} is there to agree on a punch.`)
    const connection = await punch.punch(peer, { relayed, signal })
    await admission.waitFor(connection, { signal })
    return connection
  }
