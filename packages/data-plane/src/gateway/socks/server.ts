import { createServer, type Server, type Socket } from 'node:net'
import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import { splice, resetLocal } from '../../tunnel/splice.ts'
import { socketOptions } from '../../upstream/connect.ts'
import { DoorCount, type Proxy, type ProxyInit, type ProxyStatus } from '../door.ts'
import { formatListenAddress, type ListenAddress } from '../listen-address.ts'
import { listen } from '../listen.ts'
import { encodeReply, replies, replyOf } from './codec.ts'
import { SocksSession, type ConnectRequest } from './session.ts'

/** A client that was refused has this long to read why before it is cut. */
const refusalMs = 1_000

/** A SOCKS5 proxy (RFC 1928): CONNECT alone, without authentication, names looked up by the node. */
export class SocksProxy implements Proxy {
  readonly id: string
  readonly #init: ProxyInit
  readonly #server: Server
  readonly #count: DoorCount
  readonly #pending = new Set<AbortController>()
  /** Clients that have not said yet whom they want. */
  readonly #handshakes = new Set<Socket>()
  #address: ListenAddress

  private constructor(init: ProxyInit) {
    this.id = init.id
    this.#init = init
    this.#address = init.listen
    this.#count = new DoorCount(init, () => this.listenText)
    this.#server = createServer({ ...socketOptions, noDelay: true }, (socket) => {
      void this.#accept(socket)
    })
    this.#server.maxConnections = limits.proxyConnections
  }

  /** @throws MeshError ADDRESS_IN_USE, ADDRESS_INVALID */
  static async listen(init: ProxyInit): Promise<SocksProxy> {
    const proxy = new SocksProxy(init)
    await listen(proxy.#server, init.listen)
    const bound = proxy.#server.address()
    if (init.listen.type === 'tcp' && bound !== null && typeof bound === 'object')
      proxy.#address = { ...init.listen, port: bound.port }
    proxy.#server.on('error', (err) => proxy.#count.fail(toMeshError(err, 'LIMIT_EXCEEDED'), ''))
    proxy.#count.say('proxy:listening')
    return proxy
  }

  get listenText(): string {
    return formatListenAddress(this.#address)
  }

  get status(): ProxyStatus {
    return this.#count.status
  }

  close(): void {
    if (!this.#server.listening) return
    this.#server.close()
    for (const socket of this.#handshakes) socket.destroy()
    for (const controller of this.#pending)
      controller.abort(new MeshError('CANCELLED', `The proxy ${this.listenText} was removed.`))
    this.#count.say('proxy:closed')
  }

  /** One client: whom it wants, then the bytes. Never rejects. */
  async #accept(local: Socket): Promise<void> {
    local.on('error', () => {})
    this.#count.enter()
    local.once('close', () => this.#count.leave())
    const request = await this.#shakeHands(local)
    if (request === undefined) return
    const controller = new AbortController()
    const onClose = (): void => controller.abort(new MeshError('CANCELLED', 'The local client hung up.'))
    local.once('close', onClose)
    this.#pending.add(controller)
    const { host, port, rest } = request
    const { signal } = controller
    try {
      const destination = await this.#init.findDestination({ host, port, signal })
      const { stream } = await this.#init.openDestination(destination, {
        signal,
        early: () => Buffer.concat([rest, readBuffered(local)])
      })
      local.off('close', onClose)
      this.#pending.delete(controller)
      local.write(encodeReply(replies.succeeded))
      await splice(stream, local)
    } catch (err) {
      const error = toMeshError(err)
      this.#count.fail(error, host)
      if (error.code === 'CANCELLED') resetLocal(local)
      else refuse(local, encodeReply(replyOf(error.code)))
    } finally {
      this.#pending.delete(controller)
    }
  }

  /** What the client asked for, with what followed; undefined where it is refused or left. */
  async #shakeHands(local: Socket): Promise<(ConnectRequest & { rest: Uint8Array }) | undefined> {
    if (this.#handshakes.size >= limits.proxyPendingHandshakes) {
      resetLocal(local)
      this.#count.fail(
        new MeshError(
          'LIMIT_EXCEEDED',
          `${limits.proxyPendingHandshakes} clients of ${this.listenText} have not said yet whom they want.`
        ),
        ''
      )
      return undefined
    }
    this.#handshakes.add(local)
    const session = new SocksSession()
    const { promise, resolve } = Promise.withResolvers<(ConnectRequest & { rest: Uint8Array }) | undefined>()
    const timer = setTimeout(() => {
      resetLocal(local)
    }, limits.proxyHandshakeTimeoutMs)
    const onGone = (): void => resolve(undefined)
    const onReadable = (): void => {
      while (!session.isOver) {
        const bytes = readBuffered(local)
        if (bytes.length === 0) return
        for (const { send, connect, refused } of session.push(bytes)) {
          if (refused !== undefined) {
            resolve(undefined)
            refuse(local, send)
          } else if (send !== undefined) local.write(send)
          if (connect !== undefined) resolve(connect)
        }
      }
    }
    local.on('readable', onReadable).once('end', onGone).once('close', onGone)
    onReadable()
    try {
      const request = await promise
      if (request === undefined && local.readableEnded && !local.writableEnded) local.end()
      return request
    } finally {
      clearTimeout(timer)
      this.#handshakes.delete(local)
      local.off('readable', onReadable).off('end', onGone).off('close', onGone)
    }
  }
}

const readBuffered = (socket: Socket): Uint8Array => {
  const bytes: unknown = socket.read()
  return bytes instanceof Uint8Array ? bytes : new Uint8Array()
}

/** Says why and ends. What the client still sends is read and dropped: a reset would take the reply away with it. */
const refuse = (local: Socket, reply: Uint8Array | undefined): void => {
  if (reply === undefined) local.end()
  else local.end(reply)
  local.resume()
  const timer = setTimeout(() => {
    local.destroy()
  }, refusalMs)
  local.once('close', () => clearTimeout(timer))
}
