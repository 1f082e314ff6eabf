import { MeshError } from '@agent-mesh/wire'
import { withDeadline } from '../../deadline.ts'
import type { SocketAddress } from '../../interfaces.ts'
import { connectUpstream } from '../connect.ts'
import { formatAddress } from '../parse.ts'
import { probeGrpc } from './probe-grpc.ts'
import { probeHttp } from './probe-http.ts'
import type { CheckKind, CheckSettings } from './settings.ts'
import type { CheckResult } from './verdict.ts'

export type Probe = (
  address: SocketAddress,
  settings: Pick<CheckSettings, 'kind' | 'timeoutMs'>,
  options: { signal: AbortSignal }
) => Promise<CheckResult>

/** Checks a service once, over a connection of its own. Never rejects: what goes wrong is the reason. */
export const probe: Probe = async (address, { kind, timeoutMs }, { signal }) => {
  try {
    return await withDeadline(
      {
        ms: timeoutMs,
        signal,
        expired: () =>
          new MeshError('UPSTREAM_TIMEOUT', `${formatAddress(address)} did not answer within ${timeoutMs} ms`)
      },
      async (inner) => ask(address, kind, timeoutMs, inner)
    )
  } catch (err) {
    return { isOk: false, reason: err instanceof Error ? err.message.replace(/\.$/, '') : String(err) }
  }
}

const ask = async (
  address: SocketAddress,
  kind: CheckKind,
  timeoutMs: number,
  signal: AbortSignal
): Promise<CheckResult> => {
  const socket = await connectUpstream(address, { signal, timeoutMs })
  socket.on('error', () => {})
  const onAbort = (): void => {
    socket.destroy()
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (kind.type === 'http') return await probeHttp(socket, address, kind.path)
    return kind.type === 'grpc' ? await probeGrpc(socket, kind.service) : { isOk: true }
  } finally {
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
  }
}
