import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import { ExchangeError } from './exchange.ts'
import { formatAttempt, toFailure, type Failure } from './proxy-status.ts'

/** A failure of the exchange knows whether the request had left; some errors have a type of their own. */
export const failureOf = (err: unknown): Failure => {
  if (err instanceof ExchangeError && err.failed.attempts.length > 0) {
    const { attempts, ...last } = err.failed
    return { ...failureOf(new ExchangeError({ ...last, attempts: [] })), before: attempts.map(formatAttempt) }
  }
  const { error, wasSent } = err instanceof ExchangeError ? err.failed : { error: toMeshError(err), wasSent: false }
  const { isLoop, isTooLong, parser } = error.details
  if (isLoop === true) return { status: 502, type: 'proxy_loop_detected', error }
  if (isTooLong === true) return { status: 414, type: 'http_request_error', error }
  if (parser === 'HPE_HEADER_OVERFLOW') return { status: 502, type: 'http_response_header_section_size', error }
  if (parser !== undefined) return { status: 502, type: 'http_protocol_error', error }
  return toFailure(error, wasSent)
}

const lineFeed = 10
const requestLine = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ \S+ HTTP\/1\.[01]\r\n/

/** The status for what the parser refused, with the bytes that it was at. */
const statusOf = (code: string, packet: Buffer, at: number): number => {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW': {
      // Still in the first line: it is the target.
      const isBeginning = /^[A-Z]+ /.test(packet.toString('latin1', 0, 32))
      return isBeginning && !packet.subarray(0, limits.proxyHeaderBytes).includes(lineFeed) ? 414 : 431
    }
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return 413
    case 'HPE_INVALID_METHOD':
      return requestLine.test(packet.toString('latin1', packet.lastIndexOf(lineFeed, at) + 1)) ? 501 : 400
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 408
    default:
      return 400
  }
}

/** What the parser refused before it was a request. */
export const parseFailure = (err: Error): Failure => {
  const code = 'code' in err ? String(err.code) : ''
  const at = 'bytesParsed' in err ? Number(err.bytesParsed) : 0
  const packet = 'rawPacket' in err && Buffer.isBuffer(err.rawPacket) ? err.rawPacket : Buffer.alloc(0)
  const error = new MeshError('USAGE', `The request is no HTTP that this proxy takes: ${err.message}.`, { cause: err })
  return { status: statusOf(code, packet, at), type: 'http_request_error', error }
}
