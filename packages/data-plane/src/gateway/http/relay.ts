import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { resetLocal, splice } from '../../tunnel/splice.ts'
import { formatServedBy, type ServedBy } from '../open-destination.ts'
import { formatAttempt, formatSwitch } from './proxy-status.ts'
import type { OpenedExchange } from './exchange.ts'
import {
  checkResponseHead,
  forwardInterimHead,
  forwardResponseHead,
  forwardTrailers,
  type RawHeaders
} from './header-rules.ts'

const servedByText = (one: ServedBy | undefined): string | undefined =>
  one === undefined ? undefined : formatServedBy(one)

const headText = (statusCode: number, statusMessage: string, fields: readonly string[]): string => {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage === '' ? (STATUS_CODES[statusCode] ?? '') : statusMessage}`]
  for (let i = 0; i + 1 < fields.length; i += 2) lines.push(`${fields[i] ?? ''}: ${fields[i + 1] ?? ''}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** Cuts a reply so that it is not taken for whole: where nothing else tells its end, the connection must not end cleanly. */
const cut = (reply: ServerResponse, isToldItsEnd: boolean): void => {
  if (!isToldItsEnd && reply.socket !== null) resetLocal(reply.socket)
  reply.destroy()
}

/**
 * Passes a response on: its head, its body with backpressure, its trailers. Cut where it is cut.
 * @throws MeshError TUNNEL_RESET where it is none that may go on
 */
export const relayResponse = (
  { response, servedBy, attempts }: Pick<OpenedExchange, 'response' | 'servedBy' | 'attempts'>,
  reply: ServerResponse
): void => {
  const { statusCode = 502, statusMessage = '', httpVersion, rawHeaders, headers } = response
  const { req } = reply
  const hasBody = req.method !== 'HEAD' && statusCode !== 204 && statusCode !== 304
  const hasLength = headers['content-length'] !== undefined
  const isChunked = hasBody && req.httpVersion === '1.1' && !hasLength
  // What is left of the request may never be read: then nothing may follow it.
  if (!req.complete) reply.shouldKeepAlive = false
  try {
    checkResponseHead(rawHeaders)
    const head = { httpVersion, servedBy: servedByText(servedBy), isChunked, hasNoLength: statusCode === 204 }
    const fields = forwardResponseHead(rawHeaders, head)
    if (servedBy !== undefined && attempts.length > 0)
      fields.push(
        'Proxy-Status',
        [...attempts.map(formatAttempt), formatSwitch(servedBy.peerId, statusCode)].join(', ')
      )
    reply.writeHead(statusCode, statusMessage, fields)
  } catch (err) {
    response.destroy()
    throw err
  }
  const endsWithTunnel = hasBody && !hasLength && headers['transfer-encoding'] === undefined
  // Where the end of the tunnel is that of the body, Node takes any end for that, a broken one too.
  const isWhole = (): boolean => response.complete && !(endsWithTunnel && response.socket.errored !== null)
  const cutReply = (): void => cut(reply, isChunked || hasLength)
  response.once('error', cutReply)
  response.once('close', () => {
    if (!isWhole()) cutReply()
  })
  reply.once('close', () => {
    if (!response.complete) response.destroy()
  })
  response.once('end', () => {
    if (!isWhole()) {
      cutReply()
      return
    }
    const trailers = forwardTrailers(response.rawTrailers)
    if (trailers.length > 0 && isChunked) reply.addTrailers(trailers)
    reply.end()
  })
  response.pipe(reply, { end: false })
  // What came with the head goes out with it, in one write; a head that comes alone does not wait for more.
  setImmediate(() => {
    if (!reply.destroyed) reply.flushHeaders()
  })
}

/** Passes an informational answer on; HTTP/1.0 knows none. */
export const relayInformation = (reply: ServerResponse, statusCode: number, raw: RawHeaders): void => {
  if (reply.headersSent || reply.destroyed || reply.req.httpVersion !== '1.1') return
  if (statusCode === 100) reply.writeContinue()
  else reply.socket?.write(headText(statusCode, '', forwardInterimHead(raw)), 'latin1')
}

/** After 101: what both sides say from then on is theirs alone. */
export const relayUpgrade = async (
  { response, servedBy, stream, head }: Extract<OpenedExchange, { kind: 'upgraded' }>,
  client: { socket: Duplex; head: Buffer }
): Promise<void> => {
  const { statusCode = 101, statusMessage = '', httpVersion, rawHeaders } = response
  const headers = forwardResponseHead(rawHeaders, {
    httpVersion,
    servedBy: servedByText(servedBy),
    isChunked: false,
    upgrade: true
  })
  client.socket.write(headText(statusCode, statusMessage, headers), 'latin1')
  if (head.length > 0) stream.unshift(head)
  if (client.head.length > 0) client.socket.unshift(client.head)
  await splice(stream, client.socket)
}
