import { connect, constants } from 'node:http2'
import type { Socket } from 'node:net'
import { limits } from '@agent-mesh/wire'
import { decodeHealthResponse, encodeHealthRequest } from './grpc-health.ts'
import type { CheckResult } from './verdict.ts'

/** Of the gRPC status codes those that tell what to do about the service. */
const statusTexts: Record<string, string> = {
  '5': 'its health service does not know the service asked for',
  '12': 'it has no gRPC health service'
}

/**
 * Asks `grpc.health.v1.Health/Check` on a connected socket, by HTTP/2 without TLS; `SERVING` passes.
 * @param service - empty for the server as a whole
 * @throws whatever the connection ends with
 */
export const probeGrpc = async (socket: Socket, service: string): Promise<CheckResult> => {
  const { promise, resolve, reject } = Promise.withResolvers<CheckResult>()
  const session = connect('http://localhost', { createConnection: () => socket })
  session.once('error', reject)
  session.once('close', () => reject(new Error('it closed the connection without an answer')))
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
    [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
    [constants.HTTP2_HEADER_TE]: 'trailers',
    [constants.HTTP2_HEADER_USER_AGENT]: 'mesh-node-check'
  })
  const parts: Uint8Array[] = []
  let length = 0
  let grpcStatus = ''
  const noteStatus = (headers: Record<string, unknown>): void => {
    const status = headers['grpc-status']
    if (typeof status === 'string') grpcStatus = status
  }
  stream.once('error', reject)
  stream.once('response', (headers) => {
    noteStatus(headers)
    const status = headers[':status']
    if (status !== 200) resolve({ isOk: false, reason: `it answered gRPC with HTTP status ${status ?? 'none'}` })
  })
  stream.once('trailers', noteStatus)
  stream.on('data', (data: Uint8Array) => {
    length += data.length
    if (length > limits.checkAnswerBytes) resolve({ isOk: false, reason: 'its answer is longer than a health status' })
    else parts.push(data)
  })
  stream.once('end', () => resolve(resultOf(grpcStatus, parts)))
  stream.end(encodeHealthRequest(service))
  try {
    return await promise
  } finally {
    session.destroy()
  }
}

const resultOf = (grpcStatus: string, parts: Uint8Array[]): CheckResult => {
  if (grpcStatus !== '0') {
    const known = statusTexts[grpcStatus]
    return { isOk: false, reason: known ?? `it answered with gRPC status ${grpcStatus === '' ? 'none' : grpcStatus}` }
  }
  const status = decodeHealthResponse(Buffer.concat(parts))
  if (status === 'SERVING') return { isOk: true }
  return { isOk: false, reason: status === undefined ? 'its answer is no health status' : `it says ${status}` }
}
