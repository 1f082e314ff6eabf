import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { splice } from '../../tunnel/splice.ts'
import { formatServedBy, type ServedBy } from '../open-destination.ts'
import type { OpenedExchange } from './exchange.ts'
import { forwardResponseHead, forwardTrailers, type RawHeaders } from './header-rules.ts'

const servedByText = (one: ServedBy | undefined): string | undefined =>
  one === undefined ? undefined : formatServedBy(one)

/** Passes a response on: its head, its body with backpressure, its trailers. Cut where it is cut. */
export const relayResponse = (
  response: IncomingMessage,
  reply: ServerResponse,
  servedBy: ServedBy | undefined
): void => {
  const { statusCode = 502, statusMessage = '', httpVersion, rawHeaders } = response
  reply.sendDate = false
  const hasBody = reply.req.method !== 'HEAD' && statusCode !== 204 && statusCode !== 304
  const isChunked = hasBody && reply.req.httpVersion === '1.1' && response.headers['content-length'] === undefined
  const headers = forwardResponseHead(rawHeaders, { httpVersion, servedBy: servedByText(servedBy), isChunked })
  try {
    reply.writeHead(statusCode, statusMessage, headers)
  } catch (err) {
    response.destroy()
    throw err
  }
  response.once('error', () => reply.destroy())
  response.once('close', () => {
    if (!response.complete) reply.destroy()
  })
  reply.once('close', () => {
    if (!response.complete) response.destroy()
  })
  response.once('end', () => {
    const trailers = forwardTrailers(response.rawTrailers)
    if (trailers.length > 0 && isChunked) reply.addTrailers(trailers)
    if (response.complete) reply.end()
  })
  reply.flushHeaders()
  response.pipe(reply, { end: false })
}

/** Passes an informational answer on, where Node has words for it. */
export const relayInformation = (reply: ServerResponse, statusCode: number, raw: RawHeaders): void => {
  if (reply.headersSent || reply.destroyed) return
  if (statusCode === 102) reply.writeProcessing()
  if (statusCode !== 103) return
  const links = raw.filter((_, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === 'link')
  try {
    if (links.length > 0) reply.writeEarlyHints({ link: links })
  } catch {
    // Hints that Node does not take are left out: they are no part of the answer.
  }
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
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage === '' ? (STATUS_CODES[statusCode] ?? '') : statusMessage}`]
  for (let i = 0; i + 1 < headers.length; i += 2) lines.push(`${headers[i] ?? ''}: ${headers[i + 1] ?? ''}`)
  client.socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  if (head.length > 0) stream.unshift(head)
  if (client.head.length > 0) client.socket.unshift(client.head)
  await splice(stream, client.socket)
}
