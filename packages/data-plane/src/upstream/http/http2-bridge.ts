import {
  connect,
  constants,
  performServerHandshake,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type Http2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream
} from 'node:http2'
import type { Duplex } from 'node:stream'
import { resetLocal } from '../../tunnel/splice.ts'
import { isIdentityField } from './identity-fields.ts'
import type { Field } from './head.ts'

/** What one stream, and one connection, may have under way; HTTP/2 starts with 64 KiB for both. */
const streamWindowBytes = 1024 * 1024
const sessionWindowBytes = 8 * 1024 * 1024
const streamsAtOnce = 1000

const settings = { initialWindowSize: streamWindowBytes, maxConcurrentStreams: streamsAtOnce, enablePush: false }

const { NGHTTP2_NO_ERROR, NGHTTP2_INTERNAL_ERROR, NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM } = constants

/** Without the fields that only this node writes, and without those that HTTP/2 forbids to pass on. */
const cleaned = (headers: IncomingHttpHeaders): OutgoingHttpHeaders => {
  // a copy keeps the mark on fields that must not be indexed, which is a symbol
  const copy: OutgoingHttpHeaders = { ...headers }
  for (const name of Object.keys(copy)) if (isIdentityField(name)) delete copy[name]
  return copy
}

const withIdentity = (headers: OutgoingHttpHeaders, identity: readonly Field[]): OutgoingHttpHeaders =>
  Object.assign(headers, Object.fromEntries(identity.map(({ name, value }) => [name.toLowerCase(), value])))

const isEnd = (flags: number): boolean => (flags & NGHTTP2_FLAG_END_STREAM) !== 0

/** Trailers travel once the body is out. */
const passTrailers = (from: ServerHttp2Stream | ClientHttp2Stream, to: ServerHttp2Stream | ClientHttp2Stream): void => {
  let trailers: OutgoingHttpHeaders = {}
  from.on('trailers', (headers: IncomingHttpHeaders) => {
    trailers = cleaned(headers)
  })
  to.on('wantTrailers', () => {
    if (!to.destroyed) to.sendTrailers(trailers)
  })
}

const passReset = (from: ServerHttp2Stream | ClientHttp2Stream, to: ServerHttp2Stream | ClientHttp2Stream): void => {
  from.on('error', () => {})
  from.on('close', () => {
    const isClean = from.rstCode === NGHTTP2_NO_ERROR
    if (to.destroyed || to.closed) return
    if (!isClean) to.close(from.rstCode)
    else if (!from.readableEnded) to.close(NGHTTP2_CANCEL)
  })
}

const bridgeStream = (
  front: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  back: ClientHttp2Session,
  identity: readonly Field[]
): void => {
  const request = back.request(withIdentity(cleaned(headers), identity), {
    endStream: isEnd(flags),
    waitForTrailers: !isEnd(flags)
  })
  passReset(front, request)
  passReset(request, front)
  passTrailers(front, request)
  passTrailers(request, front)
  if (!isEnd(flags)) front.pipe(request)
  request.on('headers', (informational: IncomingHttpHeaders) => {
    if (!front.destroyed && !front.headersSent) front.additionalHeaders(cleaned(informational))
  })
  request.once('response', (answer, answerFlags) => {
    if (front.destroyed) return
    const endStream = isEnd(answerFlags)
    front.respond({ ...answer }, { endStream, waitForTrailers: !endStream })
    if (!endStream) request.pipe(front)
  })
}

const closedOf = (session: Http2Session): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (session.destroyed) resolve()
  else session.once('close', resolve)
  return promise
}

/**
 * Joins a tunnel and a connection to a service that speak HTTP/2: every request gets the fields that say who calls, in
 * place of whatever the client wrote under their names. Bodies, trailers, informational answers and resets pass; frames
 * are made anew on each side. Resolves when both are closed.
 */
export const bridgeHttp2 = async (tunnel: Duplex, local: Duplex, identity: () => readonly Field[]): Promise<void> => {
  const back = connect('http://service', { createConnection: () => local, settings: { ...settings } })
  const front: ServerHttp2Session = performServerHandshake(tunnel, { settings })
  front.on('error', () => {})
  back.on('error', () => {})
  front.once('connect', () => front.setLocalWindowSize(sessionWindowBytes))
  back.once('connect', () => back.setLocalWindowSize(sessionWindowBytes))
  front.on('stream', (stream, headers, flags) => {
    stream.on('error', () => {})
    try {
      bridgeStream(stream, headers, flags, back, identity())
    } catch {
      // the service says that it takes no more
      stream.close(back.destroyed || back.closed ? constants.NGHTTP2_REFUSED_STREAM : NGHTTP2_INTERNAL_ERROR)
    }
  })
  back.on('goaway', () => {
    if (!front.closed && !front.destroyed) front.close()
  })
  back.once('close', () => {
    if (!front.closed && !front.destroyed) front.close()
    if (!tunnel.destroyed && local.errored !== null) tunnel.destroy()
  })
  front.once('close', () => {
    if (!back.closed && !back.destroyed) back.close()
    if (tunnel.errored !== null) resetLocal(local)
  })
  await Promise.all([closedOf(front), closedOf(back)])
  if (!tunnel.destroyed) tunnel.end()
  if (!local.destroyed) local.end()
}
