import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, isIPv6, type Server, type Socket } from 'node:net'
import { limits, MeshError, toMeshError } from '@agent-mesh/wire'
import { DoorCount, type Proxy, type ProxyInit, type ProxyStatus } from '../door.ts'
import { formatListenAddress, type ListenAddress } from '../listen-address.ts'
import { listen } from '../listen.ts'
import type { DnsZone } from './zone.ts'

type TcpAddress = Extract<ListenAddress, { type: 'tcp' }>

export type DnsResponderInit = Pick<ProxyInit, 'id' | 'listen' | 'onEvent' | 'wallClock'> & { zone: DnsZone }

const lengthBytes = 2
/** Where port 0 is asked for, a port that is free for TCP may be taken for UDP. */
const mostPorts = 8

/** A responder for the names of the mesh, and for no others, over UDP and TCP (RFC 7766). */
export class DnsResponder implements Proxy {
  readonly id: string
  readonly #zone: DnsZone
  readonly #count: DoorCount
  readonly #server: Server
  readonly #clients = new Set<Socket>()
  readonly #detach: () => void
  #udp: UdpSocket | undefined
  #address: TcpAddress

  private constructor(init: DnsResponderInit, address: TcpAddress) {
    this.id = init.id
    this.#zone = init.zone
    this.#address = address
    this.#count = new DoorCount({ ...init, kind: 'dns' }, () => this.listenText)
    this.#detach = init.zone.attach(this.#count)
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#accept(socket)
    })
    this.#server.maxConnections = limits.dnsConnections
  }

  /** @throws MeshError ADDRESS_IN_USE, ADDRESS_INVALID */
  static async listen(init: DnsResponderInit): Promise<DnsResponder> {
    if (init.listen.type !== 'tcp')
      throw new MeshError('ADDRESS_INVALID', 'DNS is not spoken on unix sockets.', { hint: 'Example: 127.0.0.1:5300' })
    const { listen: address } = init
    for (let attempt = 1; ; attempt++) {
      const responder = new DnsResponder(init, address)
      try {
        await responder.#bind()
        responder.#count.say('proxy:listening')
        return responder
      } catch (err) {
        responder.#shut()
        const error = toMeshError(err)
        if (address.port !== 0 || error.code !== 'ADDRESS_IN_USE' || attempt === mostPorts) throw error
      }
    }
  }

  get listenText(): string {
    return formatListenAddress(this.#address)
  }

  /** Clients are connections to names; those that ask are not counted. */
  get status(): ProxyStatus {
    return this.#count.status
  }

  close(): void {
    if (!this.#server.listening) return
    this.#shut()
    this.#count.say('proxy:closed')
  }

  #shut(): void {
    this.#server.close()
    for (const socket of this.#clients) socket.destroy()
    this.#udp?.close()
    this.#udp = undefined
    this.#detach()
  }

  async #bind(): Promise<void> {
    await listen(this.#server, this.#address)
    const bound = this.#server.address()
    if (bound !== null && typeof bound === 'object') this.#address = { ...this.#address, port: bound.port }
    this.#server.on('error', (err) => this.#count.fail(toMeshError(err, 'LIMIT_EXCEEDED'), ''))
    this.#udp = await bindUdp(this.#address)
    this.#udp.on('error', (err) => this.#count.fail(toMeshError(err, 'LIMIT_EXCEEDED'), ''))
    this.#udp.on('message', (message, from) => void this.#answerDatagram(message, from))
  }

  async #answerDatagram(message: Buffer, { address, port }: RemoteInfo): Promise<void> {
    if (message.length > limits.dnsQueryBytes || port === 0) return
    const answer = await this.#zone.respond(message)
    if (answer !== undefined) this.#udp?.send(answer, port, address, () => {})
  }

  #accept(socket: Socket): void {
    this.#clients.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => this.#clients.delete(socket))
    socket.setTimeout(limits.dnsIdleMs, () => {
      socket.destroy()
    })
    void this.#converse(socket).catch(() => {
      socket.destroy()
    })
  }

  /** One client: messages with their length before them, answered as they become ready. */
  async #converse(socket: Socket): Promise<void> {
    const running = new Set<Promise<void>>()
    let rest = Buffer.alloc(0)
    for await (const part of socket) {
      rest = Buffer.concat([rest, part])
      while (rest.length >= lengthBytes) {
        const length = rest.readUInt16BE()
        if (length > limits.dnsQueryBytes) throw new MeshError('LIMIT_EXCEEDED')
        if (rest.length < lengthBytes + length) break
        const message = rest.subarray(lengthBytes, lengthBytes + length)
        rest = rest.subarray(lengthBytes + length)
        if (running.size >= limits.dnsPipelined) await Promise.race(running)
        if (socket.writableNeedDrain) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
        const answering = this.#answerMessage(socket, message).finally(() => running.delete(answering))
        running.add(answering)
      }
    }
    await Promise.all(running)
    socket.end()
  }

  async #answerMessage(socket: Socket, message: Buffer): Promise<void> {
    const answer = await this.#zone.respond(message)
    if (answer === undefined) {
      socket.destroy()
      return
    }
    const length = Buffer.alloc(lengthBytes)
    length.writeUInt16BE(answer.length)
    if (socket.writable) socket.write(Buffer.concat([length, answer]))
  }
}

const bindUdp = async ({ host, port }: TcpAddress): Promise<UdpSocket> => {
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' })
  try {
    socket.bind({ address: host, port, exclusive: true })
    await once(socket, 'listening')
    return socket
  } catch (cause) {
    socket.close()
    const where = formatListenAddress({ type: 'tcp', host, port })
    const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE'
    if (isTaken) throw new MeshError('ADDRESS_IN_USE', `${where} is in use by another program for UDP.`, { cause })
    throw new MeshError('ADDRESS_INVALID', `${where} cannot be bound for UDP.`, { cause })
  }
}
