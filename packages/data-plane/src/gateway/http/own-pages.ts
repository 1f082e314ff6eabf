import type { IncomingMessage, ServerResponse } from 'node:http'
import { MeshError, quote } from '@agent-mesh/wire'
import { formatHostPort } from '../../upstream/socket-address.ts'
import type { ListenAddress } from '../listen-address.ts'
import { answerFailure } from './own-answer.ts'
import { isOwnHost, pacPath, pacType, renderPac } from './pac.ts'
import { toFailure } from './proxy-status.ts'
import type { RequestTarget } from './request-target.ts'

export interface OwnPagesInit {
  listen: ListenAddress
  suffix: string
  target: RequestTarget
}

/** Answers what is asked of the proxy itself. */
export const serveOwn = (
  incoming: IncomingMessage,
  reply: ServerResponse,
  { listen, suffix, target }: OwnPagesInit
): void => {
  const { method = 'GET', headers, socket } = incoming
  // Either Max-Forwards is used up, or the proxy itself is asked: whoever does wants to know who is here.
  if (method === 'TRACE' && target.form === 'absolute') {
    const seen = renderTrace(incoming)
    reply.writeHead(200, { 'Content-Type': 'message/http', 'Content-Length': Buffer.byteLength(seen, 'latin1') })
    reply.end(seen, 'latin1')
    return
  }
  if (target.form === 'absolute' || (method === 'OPTIONS' && target.path === '*')) {
    reply.writeHead(200, { 'Content-Length': '0', Allow: 'GET, HEAD, OPTIONS, CONNECT' })
    reply.end()
    return
  }
  const where = whereOf(listen, socket)
  const isRead = method === 'GET' || method === 'HEAD'
  const path = target.path.split('?')[0]
  if (path !== pacPath || !isRead || where === undefined) {
    const error = new MeshError('USAGE', `This is a proxy: ${quote(target.path, 200)} is nothing that it has.`, {
      hint:
        where === undefined
          ? 'Set it as the HTTP proxy of a program that takes a unix socket.'
          : `Set it as your HTTP proxy, or as the automatic configuration http://${where}${pacPath}`
    })
    answerFailure(reply, toFailure(error))
    return
  }
  if (!isOwnHost(headers.host)) {
    const error = new MeshError('NAME_OUTSIDE', `${quote(headers.host ?? '', 200)} is not the address of this proxy.`)
    answerFailure(reply, { ...toFailure(error), status: 403 })
    return
  }
  const script = renderPac(where, suffix)
  reply.writeHead(200, {
    'Content-Type': pacType,
    'Content-Length': Buffer.byteLength(script),
    'Cache-Control': 'no-cache',
    'X-Content-Type-Options': 'nosniff'
  })
  reply.end(script)
}

const secret = new Set(['authorization', 'cookie', 'proxy-authorization'])

/** The head of a request as it came, without what only its receiver may know (RFC 9110, section 9.3.8). */
const renderTrace = ({ method, url, httpVersion, rawHeaders }: IncomingMessage): string => {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2)
    if (!secret.has(name.toLowerCase())) lines.push(`${name}: ${value}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** The address at which the client reached the proxy; browsers know none on a unix socket. */
const whereOf = (listen: ListenAddress, { localAddress, localPort }: IncomingMessage['socket']): string | undefined =>
  listen.type === 'tcp' ? formatHostPort(localAddress ?? listen.host, localPort ?? listen.port) : undefined
