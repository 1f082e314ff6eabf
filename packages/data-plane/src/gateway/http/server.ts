import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { limits, MeshError } from '@agent-mesh/wire'
import { isIdempotent } from '@agent-mesh/wire/http-method'
import { resetLocal, splice } from '../../tunnel/splice.ts'
import { DoorCount, type Proxy, type ProxyInit, type ProxyStatus } from '../door.ts'
import { Listener } from '../listen.ts'
import { cutLater } from '../local-client.ts'
import { formatServedBy } from '../open-destination.ts'
import { createExchangeOpener, type OpenExchange } from './exchange.ts'
import { badAnswer, checkRequestHead, forwardRequestHead, hasBody, isLastHop, upgradeOf } from './header-rules.ts'
import { OwedReplies } from './owed-replies.ts'
import { answerFailure, writeFailure } from './own-answer.ts'
import { serveOwn } from './own-pages.ts'
import { failureOf, parseFailure } from './failure.ts'
import { toFailure, type Failure } from './proxy-status.ts'
import { relayInformation, relayResponse, relayUpgrade } from './relay.ts'
import { parseConnectTarget, parseRequestTarget } from './request-target.ts'
import { TunnelPool } from './tunnel-agent.ts'

/** A connection that has left the HTTP server, with what came behind the request. */
interface Detached {
  socket: Duplex
  head: Buffer
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
  readonly #owed = new OwedReplies()
  /** Requests whose bodies turned out to be none. */
  readonly #broken = new WeakMap<IncomingMessage, Failure>()
  /** Clients that are told, or are about to be, that they were not understood. */
  readonly #misread = new WeakSet<Duplex>()

  private constructor(init: ProxyInit) {
    this.id = init.id
    this.#init = init
    this.#count = new DoorCount(init, () => this.listenText)
    this.#pool = new TunnelPool(init.openDestination)
    const { candidates, hedge, onEvent, kind, id } = init
    this.#openExchange = createExchangeOpener({
      pool: this.#pool,
      candidates,
      hedge,
      onEvent: (event) => onEvent?.({ ...event, id, kind, listen: this.listenText })
    })
    this.#server = createServer({
      insecureHTTPParser: false,
      // Looked at below: by itself Node answers without saying who refused.
      requireHostHeader: false,
      maxHeaderSize: limits.proxyHeaderBytes,
      headersTimeout: limits.proxyHandshakeTimeoutMs,
      requestTimeout: 0,
      keepAliveTimeout: limits.proxyClientIdleMs,
      connectionsCheckingInterval: limits.proxyHandshakeTimeoutMs / 10,
      noDelay: true,
      // A request without a body goes through no life of a stream.
      optimizeEmptyRequests: true
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
      // Whoever still sends while it is told the end would lose that to a reset (RFC 9112, section 9.6).
      socket.destroySoon = () => {
        socket.end()
        cutLater(socket)
      }
    })
    const onRequest = (incoming: IncomingMessage, reply: ServerResponse): void => this.#enter(incoming, reply)
    this.#server.on('request', onRequest)
    this.#server.on('checkContinue', onRequest)
    this.#server.on('connect', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on('error', () => {})
      this.#owed.whenPaidDetached(socket, () => void this.#connect(incoming, { socket, head }))
    })
    this.#server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
      socket.on('error', () => {})
      this.#owed.whenPaidDetached(socket, () => this.#upgrade(incoming, socket, head))
    })
    this.#server.on('clientError', (err: Error, socket: Duplex) => this.#misunderstand(err, socket))
  }

  /** A request, which waits for its turn. */
  #enter(incoming: IncomingMessage, reply: ServerResponse): void {
    const { socket, httpVersion } = incoming
    incoming.on('error', () => {})
    // A proxy keeps no connection of HTTP/1.0, whatever that says (RFC 9112, section 9.3).
    if (httpVersion !== '1.1') reply.shouldKeepAlive = false
    const count = this.#owed.add(socket, reply, () => void this.#serve(incoming, reply))
    if (count <= limits.proxyPipelinedRequests) return
    const most = `${limits.proxyPipelinedRequests} requests of one client are under way; that is the limit.`
    this.#count.fail(new MeshError('LIMIT_EXCEEDED', most), '')
    resetLocal(socket)
  }

  /** What came is no HTTP. An answer must not be taken for that to a request before it. */
  #misunderstand(err: Error, socket: Duplex): void {
    if (socket.writableEnded || this.#misread.has(socket)) return
    this.#misread.add(socket)
    const failure = parseFailure(err)
    const last = this.#owed.last(socket)
    if (last === undefined || last.req.complete) {
      this.#owed.whenPaid(socket, () => {
        if (!socket.writableEnded) refuse(socket, failure)
      })
      return
    }
    // It is the body of this request, and whoever reads it is told.
    last.shouldKeepAlive = false
    this.#broken.set(last.req, failure)
    last.req.emit('error', failure.error)
  }

  /** One request. Never rejects. */
  async #serve(incoming: IncomingMessage, reply: ServerResponse, detached?: Detached): Promise<void> {
    const { method = 'GET', url = '', rawHeaders, httpVersion } = incoming
    const left = new AbortController()
    incoming.once('error', (cause) => {
      left.abort(new MeshError('CANCELLED', 'The client broke off its request.', { cause }))
    })
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
      const broken = this.#broken.get(incoming)
      if (broken !== undefined) throw broken.error
      const upgrade = detached === undefined ? undefined : upgradeOf(rawHeaders)
      const opened = await this.#openExchange({
        destination,
        client: incoming.socket,
        method,
        path: target.path,
        headers: forwardRequestHead(rawHeaders, { method, authority: target.authority, httpVersion, upgrade }),
        isIdempotent: isIdempotent(method),
        body: hasBody(rawHeaders) ? { stream: incoming, rawTrailers: () => incoming.rawTrailers } : undefined,
        signal,
        onContinue: () => relayInformation(reply, 100, []),
        onInformation: (statusCode, raw) => relayInformation(reply, statusCode, raw)
      })
      if (opened.kind === 'response') relayResponse(opened, reply)
      else if (detached === undefined || upgrade === undefined) {
        opened.stream.destroy()
        throw badAnswer('it changed the protocol, which nobody had asked for')
      } else {
        reply.detachSocket(incoming.socket)
        await relayUpgrade(opened, detached)
      }
    } catch (err) {
      const failure = this.#broken.get(incoming) ?? failureOf(err)
      this.#count.fail(failure.error, host)
      answerFailure(reply, failure)
    }
  }

  /** A tunnel for a whole connection. Never rejects. */
  async #connect(incoming: IncomingMessage, { socket, head }: Detached): Promise<void> {
    const { url = '', rawHeaders, headers, httpVersion } = incoming
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
