import { parseConnectTarget, splice } from '@agent-mesh/data-plane'
import { MeshError } from '@agent-mesh/wire/errors'
import type { LocalNode } from '../local-node.ts'
import { rawProblem, toApiError, toProblem } from './problem.ts'
import { identityLines, watchCaller, type UpgradeRequest } from './tunnel-upgrade.ts'

/**
 * Answers `CONNECT <host name>:<port>`, for libraries that can ask a proxy on a unix socket and nothing else, as grpc-js
 * does. The bytes that follow have no frames: whatever ends the tunnel early is a cut connection. Never rejects.
 */
export const acceptConnect = async (node: LocalNode, upgrade: UpgradeRequest, stopping: AbortSignal): Promise<void> => {
  const { request, socket } = upgrade
  socket.on('error', () => {})
  const { left, stop } = watchCaller(upgrade)
  const signal = AbortSignal.any([stopping, left])
  try {
    const { host, port } = parseConnectTarget(request.url ?? '')
    const connected = await node.connect(host, { signal, port })
    const { tunnel } = connected
    if (signal.aborted) {
      tunnel.destroy(toApiError(signal.reason).error)
      throw signal.reason
    }
    stop()
    const halt = (): void => {
      tunnel.destroy(new MeshError('SHUTTING_DOWN'))
    }
    stopping.addEventListener('abort', halt, { once: true })
    socket.write(['HTTP/1.1 200 Connection Established', ...identityLines(connected), '', ''].join('\r\n'))
    const over = splice(tunnel, socket)
    // It was told to wait until there was somewhere to go.
    socket.resume()
    await over
    stopping.removeEventListener('abort', halt)
  } catch (err) {
    stop()
    const { error, status } = toApiError(signal.aborted ? signal.reason : err)
    socket.end(rawProblem(toProblem(error, status)), () => socket.destroy())
  }
}
