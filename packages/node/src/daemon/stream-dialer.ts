import { limits, toMeshError } from '@agent-mesh/wire'
import { circuitMeter, pathClassOf, type Dialler } from '@agent-mesh/control-plane'
import type { DialledStream, StreamDialer } from '@agent-mesh/data-plane'
import type { Connection } from '@libp2p/interface'

/** From the failure of a stream to the end of the connection that failed it. */
const endsWithinMs = 500

/** Whether a connection ends by itself soon: its streams hear of its end a moment before it does. */
const isEnding = async (connection: Connection, signal: AbortSignal | undefined): Promise<boolean> => {
  if (connection.status !== 'open') return true
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const onEnd = (): void => resolve(true)
  const onLate = (): void => resolve(false)
  const timer = setTimeout(onLate, endsWithinMs)
  connection.addEventListener('close', onEnd)
  signal?.addEventListener('abort', onLate)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    connection.removeEventListener('close', onEnd)
    signal?.removeEventListener('abort', onLate)
  }
}

const openOn = async (connection: Connection, protocol: string, signal: AbortSignal): Promise<DialledStream> => ({
  stream: await connection.newStream(protocol, {
    signal,
    maxOutboundStreams: limits.tunnelsPerPeer,
    negotiateFully: false,
    runOnLimitedConnection: true
  }),
  path: pathClassOf(connection),
  isEnding: async (other) => isEnding(connection, other),
  allowance: circuitMeter(connection)
})

/**
 * Opens the streams of the data plane over the connections of the control plane. The protocol leaves with what is said
 * first, which saves a round trip; so it is only then that a connection shows that it was about to end.
 */
export const openThrough = (dialler: Dialler): StreamDialer => ({
  open: async (peer, protocol, { signal }) => {
    const connection = await dialler.connect(peer, { signal })
    try {
      return await openOn(connection, protocol, signal)
    } catch (err) {
      if (signal.aborted || !(await isEnding(connection, signal))) throw toMeshError(err, 'CONNECTION_LOST')
    }
    return openOn(await dialler.connect(peer, { signal }), protocol, signal)
  }
})
