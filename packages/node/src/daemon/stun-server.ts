import { limits } from '@agent-mesh/wire'
import { StunResponder, type Admission, type Endpoint } from '@agent-mesh/control-plane'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { Config } from '../config/schema.ts'
import { openUdp, type UdpSocket } from '../host/udp.ts'
import { isPublic, tcpEndpointOf } from './endpoint.ts'
import type { EventBus } from './event-bus.ts'

export interface StunServerInit {
  config: Pick<Config, 'stun' | 'listen' | 'announce'>
  admission: Pick<Admission, 'members' | 'connections'>
  /** What the host is bound to: the ports that were chosen. */
  bound: () => Multiaddr[]
  /** What others are told. */
  addresses: () => Multiaddr[]
  events: Pick<EventBus, 'emit'>
  /** Gets what comes to the same ports, too. */
  onDatagram?: (bytes: Uint8Array, from: Endpoint, socket: UdpSocket) => void
}

/** So often it is looked whether the addresses of this node have become public. */
const lookMs = 30_000

/** Answers STUN next to each TCP address of this node, where strangers can reach it. */
export class StunServer {
  readonly #init: StunServerInit
  readonly #responder: StunResponder
  #sockets: UdpSocket[] = []
  #timer: NodeJS.Timeout | undefined
  #turn: Promise<void> = Promise.resolve()

  constructor(init: StunServerInit) {
    this.#init = init
    this.#responder = new StunResponder({
      isMemberHost: (host) => this.#hasMemberAt(host),
      now: () => performance.now()
    })
  }

  get counts(): StunResponder['counts'] {
    return this.#responder.counts
  }

  get sockets(): readonly UdpSocket[] {
    return this.#sockets
  }

  /** Where it answers. */
  get endpoints(): Endpoint[] {
    return this.#sockets.map(({ local }) => local)
  }

  async start(): Promise<void> {
    this.#timer ??= setInterval(() => void this.#look(), lookMs).unref()
    await this.#look()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.#turn
    await this.#close()
  }

  async #look(): Promise<void> {
    this.#turn = this.#after(this.#turn)
    return this.#turn
  }

  async #after(before: Promise<void>): Promise<void> {
    await before
    const isWanted = this.#isWanted()
    if (isWanted && this.#sockets.length === 0) await this.#open()
    if (!isWanted) await this.#close()
  }

  #isWanted(): boolean {
    const { serve } = this.#init.config.stun
    return serve === 'on' || (serve === 'auto' && this.#init.addresses().some(isPublic))
  }

  async #open(): Promise<void> {
    for (const endpoint of this.#wanted()) {
      try {
        const socket = await openUdp(endpoint)
        socket.onDatagram((bytes, from) => {
          const answer = this.#responder.answer(bytes, from)
          if (answer !== undefined) socket.send(answer, from)
          this.#init.onDatagram?.(bytes, from, socket)
        })
        this.#sockets.push(socket)
        this.#init.events.emit('info', 'stun:serving', { ...endpoint })
      } catch (err) {
        const message = err instanceof Error ? err.message : String(err)
        this.#init.events.emit('warn', 'stun:failed', { ...endpoint, message })
      }
    }
  }

  /** As the configuration says it, with the ports that were chosen where it leaves them open. */
  #wanted(): Endpoint[] {
    const bound = this.#init.bound().flatMap((address) => tcpEndpointOf(address) ?? [])
    const found = this.#init.config.listen.flatMap((text): Endpoint[] => {
      const endpoint = tcpEndpointOf(multiaddr(text))
      if (endpoint === undefined) return []
      const { host, port } = endpoint
      const isAny = host === '0.0.0.0' || host === '::'
      const isSameKind = (other: string): boolean => other.includes(':') === host.includes(':')
      const chosen = bound.find((one) => (isAny ? isSameKind(one.host) : one.host === host))?.port
      const wanted = port === 0 ? chosen : port
      return wanted === undefined ? [] : [{ host, port: wanted }]
    })
    return found.slice(0, limits.addressesPerRecord)
  }

  async #close(): Promise<void> {
    await Promise.all(this.#sockets.splice(0).map(async (socket) => socket.close()))
  }

  #hasMemberAt(host: string): boolean {
    const { admission } = this.#init
    return admission
      .members()
      .some((peer) => admission.connections(peer).some((one) => tcpEndpointOf(one.remoteAddr)?.host === host))
  }
}
