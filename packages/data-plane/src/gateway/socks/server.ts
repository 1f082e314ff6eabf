import { createServer, type Socket } from 'node:net'
import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import { splice, resetLocal } from '../../tunnel/splice.ts'
import { socketOptions } from '../../upstream/connect.ts'
import { DoorCount, type Proxy, type ProxyInit, type ProxyStatus } from '../door.ts'
import { Listener } from '../listen.ts'
import { cutLater, readBuffered } from '../local-client.ts'
import { encodeReply, replies, replyOf } from './codec.ts'
import { SocksSession, type ConnectRequest } from './session.ts'

const nothing = new Uint8Array()

/** A SOCKS5 proxy (RFC 1928): CONNECT alone, without authentication, names looked up by the node. */
export class SocksProxy implements Proxy {
  readonly id: string
  readonly #init: ProxyInit
  readonly #listener: Listener
  readonly #count: DoorCount
  /** Clients that have not said yet whom they want. */
  readonly #handshakes = new Set<Socket>()

  private constructor(init: ProxyInit) {
    this.id = init.id
    this.#init = init
    this.#count = new DoorCount(init, () => this.listenText)
    const server = createServer({ ...socketOptions, noDelay: true }, (socket) => {
      void this.#accept(socket)
    })
    server.maxConnections = limits.proxyConnections
    this.#listener = new Listener(server, init.listen)
  }

  /** @throws MeshError ADDRESS_IN_USE, ADDRESS_INVALID */
  static async listen(init: ProxyInit): Promise<SocksProxy> {
    const proxy = new SocksProxy(init)
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
    for (const socket of this.#handshakes) socket.destroy()
    this.#count.say('proxy:closed')
  }

  /** One client: whom it wants, then the bytes. Never rejects. */
  async #accept(local: Socket): Promise<void> {
    local.on('error', () => {})
    this.#count.enter()
    local.once('close', () => this.#count.leave())
    const request = await this.#shakeHands(local)
    if (request === undefined) return
    const { host, port, rest } = request
    const wait = this.#listener.waitFor(local)
    const { signal } = wait
    try {
      const destination = await this.#init.findDestination({ host, port, signal })
      const { stream } = await this.#init.openDestination(destination, {
        signal,
        early: () => Buffer.concat([rest, readBuffered(local) ?? nothing])
      })
      wait.done()
      local.write(encodeReply(replies.succeeded))
      await splice(stream, local)
    } catch (err) {
      const error = toMeshError(err)
      this.#count.fail(error, host)
      if (error.code === 'CANCELLED') resetLocal(local)
      else refuse(local, encodeReply(replyOf(error.code)))
    } finally {
      wait.done()
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
        if (bytes === undefined) return
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

/** Says why and ends. */
const refuse = (local: Socket, reply: Uint8Array | undefined): void => {
  if (reply === undefined) local.end()
  else local.end(reply)
  cutLater(local)
}
