import { MeshError } from '@agent-mesh/wire'
import { withDeadline } from '../../deadline.ts'
import type { SocketAddress } from '../../interfaces.ts'
import { connectUpstream } from '../connect.ts'
import { formatAddress } from '../parse.ts'
import { localHeader } from '../proxy-protocol.ts'
import { probeGrpc } from './probe-grpc.ts'
import { probeHttp } from './probe-http.ts'
import type { CheckKind, CheckSettings } from './settings.ts'
import type { CheckResult } from './verdict.ts'

export type Probe = (
  address: SocketAddress,
  settings: Pick<CheckSettings, 'kind' | 'timeoutMs'>,
  options: { signal: AbortSignal; wantsProxyHeader?: boolean | undefined }
) => Promise<CheckResult>

/** Checks a service once, over a connection of its own. Never rejects: what goes wrong is the reason. */
export const probe: Probe = async (address, { kind, timeoutMs }, { signal, wantsProxyHeader = false }) => {
  try {
    return await withDeadline(
      {
        ms: timeoutMs,
        signal,
        expired: () =>
          new MeshError('UPSTREAM_TIMEOUT', `${formatAddress(address)} did not answer within ${timeoutMs} ms`)
      },
      async (inner) => ask({ address, kind, timeoutMs, wantsProxyHeader }, inner)
    )
  } catch (err) {
    return { isOk: false, reason: err instanceof Error ? err.message.replace(/\.$/, '') : String(err) }
  }
}

interface Asked {
  address: SocketAddress
  kind: CheckKind
  timeoutMs: number
  wantsProxyHeader: boolean
}

const ask = async (
  { address, kind, timeoutMs, wantsProxyHeader }: Asked,
  signal: AbortSignal
): Promise<CheckResult> => {
  const socket = await connectUpstream(address, { signal, timeoutMs })
  socket.on('error', () => {})
  const onAbort = (): void => {
    socket.destroy()
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (wantsProxyHeader) socket.write(localHeader())
    if (kind.type === 'http') return await probeHttp(socket, address, kind.path)
    return kind.type === 'grpc' ? await probeGrpc(socket, kind.service) : { isOk: true }
  } finally {
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
  }
}
