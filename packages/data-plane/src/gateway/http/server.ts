import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import { resetLocal, splice } from '../../tunnel/splice.ts'
import { DoorCount, type Proxy, type ProxyInit, type ProxyStatus } from '../door.ts'
import { Listener } from '../listen.ts'
import { cutLater } from '../local-client.ts'
import { formatServedBy } from '../open-destination.ts'
import { createExchangeOpener, ExchangeError, type OpenExchange } from './exchange.ts'
import { checkRequestHead, forwardRequestHead, hasBody, isIdempotent, isLastHop, upgradeOf } from './header-rules.ts'
import { answerFailure, writeFailure } from './own-answer.ts'
import { serveOwn } from './own-pages.ts'
import { toFailure, type Failure } from './proxy-status.ts'
import { relayInformation, relayResponse, relayUpgrade } from './relay.ts'
import { parseConnectTarget, parseRequestTarget } from './request-target.ts'
import { TunnelPool } from './tunnel-agent.ts'

/** A connection that has left the HTTP server, with what came behind the request. */
interface Detached {
  socket: Duplex
  head: Buffer
}

/** A failure of the exchange knows whether the request had left; a circle has an error type of its own. */
const failureOf = (err: unknown): Failure => {
  const { error, wasSent } = err instanceof ExchangeError ? err.failed : { error: toMeshError(err), wasSent: false }
  const { isLoop, parser } = error.details
  if (isLoop === true) return { status: 502, type: 'proxy_loop_detected', error }
  if (parser === 'HPE_HEADER_OVERFLOW') return { status: 502, type: 'http_response_header_section_size', error }
  if (parser !== undefined) return { status: 502, type: 'http_protocol_error', error }
  return toFailure(error, wasSent)
}

/** What the parser refused before it was a request. */
const parseFailure = (err: Error): Failure => {
  const code = 'code' in err ? String(err.code) : ''
  const error = new MeshError('USAGE', `The request is no HTTP that this proxy takes: ${err.message}.`, { cause: err })
  const status = code === 'HPE_HEADER_OVERFLOW' ? 431 : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
  return { status, type: 'http_request_error', error }
}

/** An HTTP proxy: absolute form request by request, CONNECT and changes of protocol for a whole connection. */
export class HttpProxy implements Proxy {
  readonly id: string
  readonly #init: ProxyInit
  readonly #server: Server
  readonly #listener: Listener
  readonly #count: DoorCount
  readonly #pool: TunnelPool
  readonly #openExchange: OpenExchange
  readonly #unanswered = new WeakMap<Duplex, Set<ServerResponse>>()

  private constructor(init: ProxyInit) {
    this.id = init.id
    this.#init = init
    this.#count = new DoorCount(init, () => this.listenText)
    this.#pool = new TunnelPool(init.openDestination)
    this.#openExchange = createExchangeOpener(this.#pool)
    this.#server = createServer({
      insecureHTTPParser: false,
      // Looked at below: by itself Node answers without saying who refused.
      requireHostHeader: false,
      maxHeaderSize: limits.proxyHeaderBytes,
      headersTimeout: limits.proxyHandshakeTimeoutMs,
      requestTimeout: 0,
      keepAliveTimeout: limits.proxyClientIdleMs,
      connectionsCheckingInterval: limits.proxyHandshakeTimeoutMs / 10,
      noDelay: true
    })
    this.#server.maxConnections = limits.proxyConnections
    this.#server.maxHeadersCount = 0
    this.#listener = new Listener(this.#server, init.listen)
    this.#listenForClients()
  }

  /** @throws MeshError ADDRESS_IN_USE, ADDRESS_INVALID */
  static async listen(init: ProxyInit): Promise<HttpProxy> {
    const proxy = new HttpProxy(init)
    await proxy.#listener.open((error) => proxy.#count.fail(error, ''))
    proxy.#count.say('proxy:listening')
    return proxy
  }

  get listenText(): string {
    return this.#listener.text
  }

  get status(): ProxyStatus {
    return this.#count.status
  }

  close(): void {
    if (!this.#listener.close('proxy')) return
    this.#server.closeIdleConnections()
    this.#pool.close()
    this.#count.say('proxy:closed')
  }

  #listenForClients(): void {
    this.#server.on('connection', (socket: Socket) => {
      this.#count.enter()
      socket.once('close', () => this.#count.leave())
    })
    const onRequest = (incoming: IncomingMessage, reply: ServerResponse): void => {
      this.#track(incoming.socket, reply)
      void this.#serve(incoming, reply)
    }
    this.#server.on('request', onRequest)
    this.#server.on('checkContinue', onRequest)
    this.#server.on('connect', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#connect(incoming, { socket, head })
    })
    this.#server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#upgrade(incoming, socket, head)
    })
    this.#server.on('clientError', (err: Error, socket: Duplex) => {
      if (this.#mayAnswer(socket)) refuse(socket, parseFailure(err))
      else socket.destroy()
    })
  }

  #track(socket: Duplex, reply: ServerResponse): void {
    const replies = this.#unanswered.get(socket) ?? new Set()
    this.#unanswered.set(socket, replies.add(reply))
    reply.once('close', () => replies.delete(reply))
  }

  /** Whether an answer now would be taken for that to the request which the parser refused, and not to one before it. */
  #mayAnswer(socket: Duplex): boolean {
    const [first, ...others] = this.#unanswered.get(socket) ?? []
    return first === undefined || (others.length === 0 && !first.req.complete && !first.headersSent)
  }

  /** One request. Never rejects. */
  async #serve(incoming: IncomingMessage, reply: ServerResponse, detached?: Detached): Promise<void> {
    const { method = 'GET', url = '', rawHeaders, httpVersion } = incoming
    incoming.on('error', () => {})
    const left = new AbortController()
    reply.once('close', () => {
      if (!reply.writableFinished) left.abort(new MeshError('CANCELLED', 'The client left before the answer.'))
    })
    let host = ''
    try {
      checkRequestHead(rawHeaders, httpVersion)
      const target = parseRequestTarget(method, url)
      if (target.form === 'origin' || isLastHop(method, rawHeaders)) {
        serveOwn(incoming, reply, { listen: this.#listener.address, suffix: this.#init.suffix, target })
        return
      }
      host = target.host
      const release = this.#listener.hold(left)
      const { signal } = left
      const destination = await this.#init.findDestination({ ...target, serviceKind: 'http', signal }).finally(release)
      const upgrade = detached === undefined ? undefined : upgradeOf(rawHeaders)
      const opened = await this.#openExchange({
        destination,
        method,
        path: target.path,
        headers: forwardRequestHead(rawHeaders, { method, authority: target.authority, httpVersion, upgrade }),
        isIdempotent: isIdempotent(method),
        body: hasBody(rawHeaders) ? { stream: incoming, rawTrailers: () => incoming.rawTrailers } : undefined,
        signal,
        onContinue: () => reply.writeContinue(),
        onInformation: (statusCode, raw) => relayInformation(reply, statusCode, raw)
      })
      if (opened.kind === 'response') relayResponse(opened.response, reply, opened.servedBy)
      else if (detached === undefined || upgrade === undefined) opened.stream.destroy()
      else {
        reply.detachSocket(incoming.socket)
        await relayUpgrade(opened, detached)
      }
    } catch (err) {
      const failure = failureOf(err)
      this.#count.fail(failure.error, host)
      answerFailure(reply, failure)
    }
  }

  /** A tunnel for a whole connection. Never rejects. */
  async #connect(incoming: IncomingMessage, { socket, head }: Detached): Promise<void> {
    const { url = '', rawHeaders, headers, httpVersion } = incoming
    socket.on('error', () => {})
    const wait = this.#listener.waitFor(socket)
    let host = ''
    try {
      checkRequestHead(rawHeaders, httpVersion)
      if (hasBody(rawHeaders)) throw new MeshError('USAGE', 'The request was refused: a CONNECT has no body.')
      const target = parseConnectTarget(url)
      host = target.host
      const { signal } = wait
      const destination = await this.#init.findDestination({ ...target, signal })
      const { stream, servedBy } = await this.#init.openDestination(destination, { signal, early: () => head })
      wait.done()
      const served = servedBy === undefined ? '' : `Mesh-Served-By: ${formatServedBy(servedBy)}\r\n`
      socket.write(`HTTP/1.1 200 Connection Established\r\n${served}\r\n`)
      await splice(stream, socket)
    } catch (err) {
      const failure = failureOf(err)
      this.#count.fail(failure.error, host)
      if (failure.error.code === 'CANCELLED') resetLocal(socket)
      else refuse(socket, failure, headers.accept)
    } finally {
      wait.done()
    }
  }

  /** A request that wants to change the protocol. Where it does not come to that, it is answered and its connection over. */
  #upgrade(incoming: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => {})
    if (hasBody(incoming.rawHeaders)) {
      const error = new MeshError('USAGE', 'The request was refused: it has a body and wants another protocol.')
      refuse(socket, toFailure(error))
      return
    }
    const reply = new ServerResponse(incoming)
    reply.assignSocket(socket)
    reply.shouldKeepAlive = false
    reply.once('finish', () => {
      socket.end()
      cutLater(socket)
    })
    void this.#serve(incoming, reply, { socket, head })
  }
}

const refuse = (socket: Duplex, failure: Failure, accept?: string): void => {
  writeFailure(socket, failure, accept)
  cutLater(socket)
}
