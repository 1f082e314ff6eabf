import type { ServerResponse } from 'node:http'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import type { Logger } from 'pino'
import { apiFingerprint, fingerprintHeader } from '@agent-mesh/wire/api-fingerprint'
import { MeshError } from '@agent-mesh/wire/errors'
import { limits } from '@agent-mesh/wire/limits'
import { inertJson } from '@agent-mesh/wire/quote'
import type { LocalNode } from '../local-node.ts'
import { streamEvents } from './event-stream.ts'
import { openApiDocument } from './openapi.ts'
import { apiHint, problemType, rawProblem, toApiError, toProblem } from './problem.ts'
import { acceptConnect } from './connect-method.ts'
import type { AnyRoute, Route, SpecialRoute } from './route.ts'
import { routes } from './routes.ts'
import { leaveFolder, listenOnSocket } from './socket-listener.ts'
import { acceptTunnel, tunnelUpgrade } from './tunnel-upgrade.ts'

export interface ApiOptions {
  /** Unix socket, made with mode 0600. */
  socketPath: string
  logger: Logger
}

export interface ApiServer {
  /** Ends event streams and tunnels, aborts what is under way, and removes the socket. */
  close: () => Promise<void>
}

/** How long answers may take to reach their readers once the server closes. */
const closeGraceMs = 1_000

/** How long a request may take to come in. */
const requestTimeoutMs = 10_000

interface Context {
  node: LocalNode
  logger: Logger
  /** Fires when the server closes. */
  stopping: AbortSignal
}

/**
 * Serves the local API of a node: HTTP and JSON on a unix socket, one route per method of {@link LocalNode}.
 * @throws MeshError STATE_LOCKED, STATE_UNREADABLE, ADDRESS_IN_USE
 */
export const startApi = async (node: LocalNode, { socketPath, logger }: ApiOptions): Promise<ApiServer> => {
  const stopping = new AbortController()
  const context: Context = { node, logger, stopping: stopping.signal }
  const app = buildApp(context)
  const tunnels = new Set<Promise<void>>()
  app.server.on('upgrade', (request, socket, head) => {
    const tunnel = acceptTunnel(node, { request, socket, head }, stopping.signal)
    tunnels.add(tunnel)
    void tunnel.finally(() => tunnels.delete(tunnel))
  })
  app.server.on('connect', (request, socket, head) => {
    const tunnel = acceptConnect(node, { request, socket, head }, stopping.signal)
    tunnels.add(tunnel)
    void tunnel.finally(() => tunnels.delete(tunnel))
  })
  app.server.maxConnections = limits.apiConnections
  await app.ready()
  await listenOnSocket(app.server, socketPath)
  logger.debug({ event: 'api:listening', address: socketPath })
  const close = async (): Promise<void> => {
    stopping.abort(new MeshError('SHUTTING_DOWN'))
    const cut = setTimeout(() => app.server.closeAllConnections(), closeGraceMs)
    await Promise.all([app.close(), ...tunnels])
    clearTimeout(cut)
    await leaveFolder(socketPath)
    logger.debug({ event: 'api:closed', address: socketPath })
  }
  let closed: Promise<void> | undefined
  return { close: () => (closed ??= close()) }
}

const buildApp = (context: Context): FastifyInstance => {
  const app = Fastify({
    bodyLimit: limits.apiBodyBytes,
    requestTimeout: requestTimeoutMs,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 1024 },
    frameworkErrors: (err, _request, reply) => sendProblem(reply, err),
    clientErrorHandler: (err, socket) => {
      const error = new MeshError('USAGE', `The request is no HTTP: ${err.message}.`, { cause: err, hint: apiHint })
      if (socket.writable) socket.end(rawProblem(toProblem(error)))
      else socket.destroy()
    }
  })
  app.setReplySerializer((payload) => inertJson(JSON.stringify(payload)))
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler((err, request, reply) => {
    const { error } = sendProblem(reply, err)
    if (error.code === 'INTERNAL') context.logger.error({ event: 'api:defect', err, route: request.url })
  })
  app.setNotFoundHandler((request, reply) => {
    const error = new MeshError('USAGE', `The local API has no ${request.method} ${request.url.slice(0, 200)}.`, {
      hint: apiHint
    })
    sendProblem(reply, error, 404)
  })
  app.addHook('onRequest', async (_request, reply) => {
    void reply.header(fingerprintHeader, apiFingerprint)
  })
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions } = request
    context.logger.debug({
      event: 'api:request',
      method,
      route: routeOptions.url,
      status: reply.statusCode,
      durationMs: reply.elapsedTime
    })
  })
  for (const route of routes) {
    const { method, path, mostBodyBytes = limits.apiBodyBytes } = route
    app.route({ method, url: toFastifyPath(path), bodyLimit: mostBodyBytes, handler: handlerOf(route, context) })
  }
  return app
}

const sendProblem = (reply: FastifyReply, err: unknown, status?: number): ReturnType<typeof toApiError> => {
  const found = toApiError(err)
  const problem = toProblem(found.error, status ?? found.status)
  void reply.code(problem.status).type(problemType).send(problem)
  return found
}

const toFastifyPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1').replace(/\{\+\w+\}/, '*')

interface Request {
  params: unknown
  query: unknown
  body: unknown
  headers: { accept?: string | undefined }
}

type Handler = (request: Request, reply: FastifyReply) => Promise<unknown>

const handlerOf = (route: AnyRoute, context: Context): Handler =>
  route.kind === 'document' ? documentHandler(route, context) : specialHandlers[route.kind](context)

const documentHandler =
  (route: Route, { node, stopping }: Context): Handler =>
  async ({ params, query, body }, reply) => {
    const signal = AbortSignal.any([stopping, leaving(reply.raw)])
    try {
      const answer = await route.call(node, { params: renameWildcard(route.path, params), query, body }, { signal })
      return await reply.code(route.status ?? 200).send(answer)
    } catch (err) {
      throw signal.aborted ? signal.reason : err
    }
  }

const specialHandlers: Record<SpecialRoute['kind'], (context: Context) => Handler> = {
  openapi: () => async () => openApiDocument(),
  metrics:
    ({ node }) =>
    async (request, reply) => {
      const { contentType, text } = await node.metrics(request.headers.accept ?? '')
      return reply.type(contentType).send(text)
    },
  events:
    ({ node, stopping }) =>
    async (_request, reply) => {
      reply.hijack()
      streamEvents(node, reply.raw, stopping)
    },
  shutdown:
    ({ node, logger }) =>
    async (_request, reply) => {
      reply.raw.once('close', () => {
        logger.info({ event: 'node:stopping', reason: 'asked by the local API' })
        node.stop().catch((err: unknown) => logger.error({ event: 'node:stop-failed', err }))
      })
      return reply.code(202).header('connection', 'close').send({ pid: process.pid })
    },
  tunnel: () => async (_request, reply) => {
    const error = new MeshError('USAGE', `A tunnel needs the header Upgrade: ${tunnelUpgrade}.`, { hint: apiHint })
    sendProblem(reply.header('upgrade', tunnelUpgrade), error, 426)
    return reply
  }
}

/** Fires when the caller is gone before the answer is. */
const leaving = (response: ServerResponse): AbortSignal => {
  const left = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) left.abort(new MeshError('CANCELLED', 'The caller left before the answer.'))
  })
  return left.signal
}

/** The router calls the rest of a path `*`; the route has a name for it. */
const renameWildcard = (path: string, params: unknown): unknown => {
  const name = /\{\+(\w+)\}/.exec(path)?.[1]
  return name === undefined || typeof params !== 'object' || params === null || !('*' in params)
    ? params
    : { [name]: params['*'] }
}
