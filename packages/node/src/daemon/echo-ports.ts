import { isEcho, type EchoPorts, type Endpoint } from '@agent-mesh/control-plane'
import { isLoopback } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import type { Config } from '../config/schema.ts'
import { openUdp, type UdpSocket } from '../host/udp.ts'
import { tcpEndpointOf } from './endpoint.ts'

type Listener = Parameters<EchoPorts['onDatagram']>[0]

export interface NodeEchoPortsInit {
  config: Pick<Config, 'listen' | 'underlay'>
  /** Those on which this node answers STUN; strangers reach them, and so they are told to members first. */
  served: () => readonly UdpSocket[]
}

const isV6 = (host: string): boolean => host.includes(':')

/** UDP ports for the echoes among members: those of STUN, and one of the node's own for each family that it listens on. */
export class NodeEchoPorts implements EchoPorts {
  readonly #init: NodeEchoPortsInit
  readonly #own: UdpSocket[] = []
  readonly #listeners = new Set<Listener>()

  constructor(init: NodeEchoPortsInit) {
    this.#init = init
  }

  async open(): Promise<void> {
    const { listen, underlay } = this.#init.config
    const hosts = listen
      .map((text) => multiaddr(text))
      // what never leaves the machine is not watched, and needs no port
      .filter((address) => underlay.echoes !== 'auto' || !isLoopback(address))
      .flatMap((address) => tcpEndpointOf(address)?.host ?? [])
    for (const family of [false, true]) {
      const [host, ...others] = hosts.filter((one) => isV6(one) === family)
      if (host === undefined) continue
      const socket = await openUdp({ host: others.length === 0 ? host : anyOf(host), port: 0 }).catch(() => undefined)
      if (socket === undefined) continue
      socket.onDatagram((bytes, from) => this.take(bytes, from, socket))
      this.#own.push(socket)
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#own.splice(0).map(async (socket) => socket.close()))
  }

  /** What came to one of the ports; anything but echoes is passed over. */
  take(bytes: Uint8Array, from: Endpoint, socket: UdpSocket): void {
    if (isEcho(bytes))
      for (const listener of this.#listeners) listener(bytes, from, (answer) => socket.send(answer, from))
  }

  send(bytes: Uint8Array, to: Endpoint, at = 0): void {
    this.#for(to.host)[at]?.send(bytes, to)
  }

  ports(host: string): number[] {
    return this.#for(host).map(({ local }) => local.port)
  }

  onDatagram(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #for(host: string): UdpSocket[] {
    return [...this.#init.served(), ...this.#own].filter(({ local }) => isV6(local.host) === isV6(host))
  }
}

const anyOf = (host: string): string => (isV6(host) ? '::' : '0.0.0.0')
