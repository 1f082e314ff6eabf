import { limits, toMeshError } from '@agent-mesh/wire'
import { circuitMeter, pathClassOf, type Dialler } from '@agent-mesh/control-plane'
import type { StreamDialer } from '@agent-mesh/data-plane'
import type { Connection, Stream } from '@libp2p/interface'

/** From the failure of a stream to the end of the connection that failed it. */
const endsWithinMs = 500

/** Whether a connection ends by itself soon: its streams hear of its end a moment before it does. */
const isEnding = async (connection: Connection, signal: AbortSignal): Promise<boolean> => {
  if (connection.status !== 'open') return true
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const onEnd = (): void => resolve(true)
  const onLate = (): void => resolve(false)
  const timer = setTimeout(onLate, endsWithinMs)
  connection.addEventListener('close', onEnd)
  signal.addEventListener('abort', onLate)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    connection.removeEventListener('close', onEnd)
    signal.removeEventListener('abort', onLate)
  }
}

const openOn = async (connection: Connection, protocol: string, signal: AbortSignal): Promise<Stream> =>
  connection.newStream(protocol, {
    signal,
    maxOutboundStreams: limits.tunnelsPerPeer,
    runOnLimitedConnection: true
  })

type Opened = Awaited<ReturnType<StreamDialer['open']>>

const opened = (stream: Stream, connection: Connection): Opened => ({
  stream,
  path: pathClassOf(connection),
  allowance: circuitMeter(connection)
})

/**
 * Opens the streams of the data plane over the connections of the control plane. A connection that was about to end when
 * a stream was wanted is replaced by a new one, once; nothing was said on that stream.
 */
export const openThrough = (dialler: Dialler): StreamDialer => ({
  open: async (peer, protocol, { signal }) => {
    const connection = await dialler.connect(peer, { signal })
    try {
      return opened(await openOn(connection, protocol, signal), connection)
    } catch (err) {
      if (signal.aborted || !(await isEnding(connection, signal))) throw toMeshError(err, 'CONNECTION_LOST')
    }
    const another = await dialler.connect(peer, { signal })
    return opened(await openOn(another, protocol, signal), another)
  }
})
