import { connect, type Socket } from 'node:net'
import { limits, MeshError, type ErrorCode } from '@agent-mesh/wire'
import { withDeadline } from '../deadline.ts'
import type { SocketAddress } from '../interfaces.ts'
import { formatAddress } from './parse.ts'

const codes: Record<string, ErrorCode> = {
  ECONNREFUSED: 'UPSTREAM_REFUSED',
  ECONNRESET: 'UPSTREAM_REFUSED',
  ETIMEDOUT: 'UPSTREAM_TIMEOUT'
}

const reasons: Partial<Record<ErrorCode, string>> = {
  UPSTREAM_REFUSED: 'refused the connection',
  UPSTREAM_TIMEOUT: 'did not answer in time',
  UPSTREAM_UNREACHABLE: 'cannot be reached'
}

/** For every local socket. Node holds that many bytes of it in each direction before it asks to wait. */
export const socketOptions = { allowHalfOpen: true, highWaterMark: 256 * 1024 }

/**
 * Connects to a local service; half-open connections are allowed and small writes leave at once.
 * @throws MeshError UPSTREAM_REFUSED, UPSTREAM_TIMEOUT, UPSTREAM_UNREACHABLE, each with the address, or CANCELLED
 */
export const connectUpstream = async (
  address: SocketAddress,
  { signal, timeoutMs = limits.upstreamConnectTimeoutMs }: { signal?: AbortSignal; timeoutMs?: number } = {}
): Promise<Socket> => {
  const where = formatAddress(address)
  return withDeadline(
    {
      ms: timeoutMs,
      signal,
      expired: () =>
        new MeshError('UPSTREAM_TIMEOUT', `The service at ${where} did not answer within ${timeoutMs} ms.`),
      onLate: (socket) => {
        socket.destroy()
      }
    },
    async (inner) => {
      const socket =
        address.type === 'unix'
          ? connect({ path: address.path, ...socketOptions })
          : connect({ host: address.host, port: address.port, noDelay: true, ...socketOptions })
      const { promise, resolve, reject } = Promise.withResolvers<Socket>()
      const onAbort = (): void => {
        socket.destroy()
      }
      inner.addEventListener('abort', onAbort, { once: true })
      socket.once('connect', () => resolve(socket))
      socket.once('error', (cause) => reject(upstreamError(cause, where)))
      socket.once('close', () => reject(upstreamError(undefined, where)))
      try {
        return await promise
      } finally {
        inner.removeEventListener('abort', onAbort)
      }
    }
  )
}

const upstreamError = (cause: Error | undefined, where: string): MeshError => {
  const systemCode = cause !== undefined && 'code' in cause ? String(cause.code) : ''
  const code = codes[systemCode] ?? 'UPSTREAM_UNREACHABLE'
  return new MeshError(
    code,
    `The service at ${where} ${reasons[code]}${systemCode === '' ? '' : ` (${systemCode})`}.`,
    { cause }
  )
}
