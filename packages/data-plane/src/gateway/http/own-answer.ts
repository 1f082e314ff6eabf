import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { errorKinds } from '@agent-mesh/wire'
import { formatProxyStatus, type Failure } from './proxy-status.ts'

interface OwnAnswer {
  headers: Record<string, string>
  body: string
}

const wantsText = (accept: string | undefined): boolean =>
  accept !== undefined && !/json|\*\/\*/i.test(accept) && /text\//i.test(accept)

/** RFC 9457 for programs, plain text for whoever asks for text and not for JSON (browsers ask for everything). */
const describeFailure = (failure: Failure, accept?: string): OwnAnswer => {
  const { error, status } = failure
  const { code, layer, message, hint, details } = error
  const isText = wantsText(accept?.replace(/,?\s*\*\/\*[^,]*/, ''))
  const body = isText
    ? `mesh-node: ${message}\n  layer: ${layer} (${code})\n  next: ${hint}\n`
    : JSON.stringify({
        type: `urn:agent-mesh:error:${code}`,
        title: errorKinds[code].meaning,
        status,
        detail: message,
        code,
        layer,
        hint,
        ...(Object.keys(details).length === 0 ? {} : { details })
      })
  return {
    headers: {
      'Content-Type': isText ? 'text/plain; charset=utf-8' : 'application/problem+json',
      'Content-Length': String(Buffer.byteLength(body)),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'Proxy-Status': formatProxyStatus(failure)
    },
    body
  }
}

/** Answers a request, where no answer has begun; otherwise cuts it, so that nobody takes it for whole. */
export const answerFailure = (reply: ServerResponse, failure: Failure): void => {
  if (reply.destroyed || !reply.req.socket.writable) return
  if (reply.headersSent) {
    reply.destroy()
    return
  }
  const { headers, body } = describeFailure(failure, reply.req.headers.accept)
  reply.writeHead(failure.status, headers)
  reply.end(body)
}

/** The same for a connection that has left the HTTP server; it is over then. */
export const writeFailure = (socket: Duplex, failure: Failure, accept?: string): void => {
  const { headers, body } = describeFailure(failure, accept)
  const lines = [
    `HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status] ?? 'Error'}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'Connection: close'
  ]
  if (socket.writable) socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
  else socket.destroy()
}
