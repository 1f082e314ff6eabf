import { limits } from '@agent-mesh/wire'
import { pathClassOf, type Dialler } from '@agent-mesh/control-plane'
import type { StreamDialer } from '@agent-mesh/data-plane'

/** Opens the streams of the data plane over the connections of the control plane. */
export const openThrough = (dialler: Dialler): StreamDialer => ({
  open: async (peer, protocol, { signal }) => {
    const connection = await dialler.connect(peer, { signal })
    const stream = await connection.newStream(protocol, { signal, maxOutboundStreams: limits.tunnelsPerPeer })
    return { stream, path: pathClassOf(connection) }
  }
})
