import { errorKinds, isErrorCode, toMeshError, type ErrorCode, type MeshError } from '@agent-mesh/wire'
import { failed, ok, skipped, unknown, type WhyLayer } from '../layer.ts'

/** What the other side said, a moment ago where it is left alone since. */
const saidBy = ({ code, details: { code: earlier } }: MeshError): ErrorCode =>
  code === 'REFUSED_EARLIER' && typeof earlier === 'string' && isErrorCode(earlier) ? earlier : code

/** The layer that a refused connection is about; undefined where nobody answered. */
const blamed = (said: ErrorCode): string | undefined => {
  if (said === 'REVOKED') return 'revocation'
  return said.startsWith('CERTIFICATE_') || said === 'CLOCK_SKEW' ? 'certificate' : undefined
}

/** Where the other agent is dialled, and what each address does. */
export const addresses: WhyLayer = {
  name: 'addresses',
  order: 700,
  check: async (context, { signal }) => {
    const { ports, peer, name, direction, record } = context
    if (peer === undefined || direction === 'self') return skipped('this node itself')
    const isConnected = ports.admission.connections(peer).length > 0
    if (!isConnected && direction === 'inbound')
      return unknown(`${name} is not connected to this node; it dials when it calls`)
    try {
      // of several connections the one that tunnels take
      context.connection = await ports.dialler.connect(peer, { signal, addresses: record?.addresses ?? [] })
      return ok(`${isConnected ? 'connected' : 'dialled'}: ${context.connection.remoteAddr.toString()}`)
    } catch (err) {
      const error = toMeshError(err)
      const said = saidBy(error)
      const blames = blamed(said)
      return failed(error, blames === undefined ? {} : { blames, command: errorKinds[said].remedy })
    }
  }
}
