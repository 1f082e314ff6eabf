import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { finished, pipeline } from 'node:stream/promises'
import { listenLocally } from '../local-server.ts'
import { digestOf, seededStream } from '../seeded-bytes.ts'

/** Header in which an origin says who answered. */
export const originHeader = 'x-origin'

export interface HttpOrigin {
  port: number
  url: string
  /** Event streams whose client is still there. */
  readonly openEventStreams: number
}

type Handler = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => Promise<void> | void

const numberOf = (query: URLSearchParams, name: string): number => Number(query.get(name))

const delay = async (ms: number, signal: AbortSignal): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  signal.addEventListener('abort', () => resolve(), { once: true })
  await promise
  clearTimeout(timer)
}

/** Says what the server saw of the request: method, size, digest, and how the body was framed. */
const echo: Handler = async (request, response) => {
  const body = await digestOf(request)
  const { 'transfer-encoding': framing = 'length', expect = '' } = request.headers
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ method: request.method, url: request.url, ...body, framing, expect }))
}

const bytes: Handler = async (_request, response, query) => {
  response.setHeader('content-length', numberOf(query, 'size'))
  await pipeline(seededStream(numberOf(query, 'seed'), numberOf(query, 'size')), response)
}

const chunked: Handler = (_request, response) => {
  for (const word of ['one ', 'two ', 'three']) response.write(word)
  response.end()
}

/** Server-sent events, one every `interval` ms, `count` in all. */
const events: Handler = async (request, response, query) => {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  response.flushHeaders()
  for (let id = 1; id <= numberOf(query, 'count') && !gone.signal.aborted; id++) {
    response.write(`id: ${id}\nevent: tick\ndata: {"n":${id}}\n\n`)
    await delay(numberOf(query, 'interval'), gone.signal)
  }
  if (!gone.signal.aborted) response.end()
  await finished(request.resume()).catch(() => {})
}

const handlers: Readonly<Record<string, Handler>> = {
  '/echo': echo,
  '/bytes': bytes,
  '/chunked': chunked,
  '/events': events
}

/** An HTTP server that says who it is in every answer. */
export const startHttpOrigin = async (id: string): Promise<HttpOrigin> => {
  let openEventStreams = 0
  const served = new WeakMap<object, number>()
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://origin')
    const nth = (served.get(request.socket) ?? 0) + 1
    served.set(request.socket, nth)
    response.setHeader(originHeader, id)
    response.setHeader('x-request-of-connection', nth)
    const handler = handlers[pathname]
    if (handler === undefined) {
      response.end(`${id}\n`)
      return
    }
    if (handler === events) {
      openEventStreams += 1
      response.once('close', () => {
        openEventStreams -= 1
      })
    }
    await handler(request, response, searchParams)
  }
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response).catch(() => response.destroy())
  }
  const server = createServer(listener)
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    response.setHeader('x-continued', 'yes')
    response.writeContinue()
    listener(request, response)
  })
  const port = await listenLocally(server)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get openEventStreams() {
      return openEventStreams
    }
  }
}
