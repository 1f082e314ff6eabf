import { MeshError } from '@agent-mesh/wire'
import { overlay } from './overlay.ts'
import type { Connection, DialTarget, Stream } from '@libp2p/interface'
import type { ConnectionManager, OpenConnectionOptions } from '@libp2p/interface-internal'
import { membersOnly, type FindAdmission, type LetIn } from './registrar-view.ts'

/** The connection manager as a service may see it: a connection is there once it is admitted. */
export const memberConnections = (
  manager: ConnectionManager,
  find: FindAdmission,
  isLetIn: LetIn = membersOnly
): ConnectionManager => {
  const openConnection = async (target: DialTarget, options: OpenConnectionOptions = {}): Promise<Connection> => {
    const connection = await manager.openConnection(target, options)
    if (!isLetIn(find(), connection))
      await find().waitFor(connection, options.signal === undefined ? {} : { signal: options.signal })
    return connection
  }
  return overlay(manager, {
    openConnection,
    openStream: async (target, protocols, options = {}): Promise<Stream> => {
      const connection = await openConnection(target, options)
      return connection.newStream(protocols, options)
    },
    getConnections: (peer) => manager.getConnections(peer).filter((connection) => isLetIn(find(), connection)),
    getConnectionsMap: () => {
      throw new MeshError('INTERNAL', 'The view of members has no map of connections; use getConnections.')
    }
  })
}
