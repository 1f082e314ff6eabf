import { limits, type MeshError } from '@agent-mesh/wire'
import type { Connection } from '@libp2p/interface'

/** The last message has to get out: a connection that closes carries no reason. */
export const leave = async (connection: Connection, error: MeshError): Promise<void> => {
  await new Promise((resolve) => {
    setTimeout(resolve, limits.refusalPauseMs).unref()
  })
  await connection.close({ signal: AbortSignal.timeout(1_000) }).catch(() => connection.abort(error))
}

/** The resets of tunnels get out; then it ends, whatever the other side still wants. */
export const putOut = (connection: Connection, error: MeshError): void => {
  setTimeout(() => connection.abort(error), limits.refusalPauseMs).unref()
}
