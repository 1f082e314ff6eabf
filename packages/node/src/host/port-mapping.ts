import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { isPrivate } from '@libp2p/utils'
import { limits } from '@agent-mesh/wire'
import {
  protocolNames,
  type GatewayClient,
  type GatewayEnds,
  type MappingProtocol,
  type OpenGateway
} from './gateway-client.ts'
import { openNatPmp } from './nat-pmp-client.ts'
import { openUpnp, type UpnpInit } from './upnp-client.ts'

/** What the gateway does for this node; shown where reachability is. */
export type PortMappingState =
  | { state: 'asking' }
  /** Nothing that another machine reaches is listened on, or there is no gateway. */
  | { state: 'needless'; reason: string }
  | { state: 'mapped'; gateway: string; protocol: MappingProtocol; addresses: string[] }
  | { state: 'failed'; gateway: string; reason: string }

/** Parts of the host that know its addresses. */
export interface PortMappingParts {
  transportManager: { getAddrs: () => Multiaddr[] }
  addressManager: {
    addPublicAddressMapping: (
      internalIp: string,
      internalPort: number,
      externalIp: string,
      externalPort: number
    ) => void
    removePublicAddressMapping: (
      internalIp: string,
      internalPort: number,
      externalIp: string,
      externalPort: number
    ) => void
    confirmObservedAddr: (address: Multiaddr, options: { type: 'ip-mapping'; ttl: number }) => void
  }
}

export interface PortMappingInit {
  gateway: () => Promise<string | undefined>
  /** Where the gateway listens for NAT-PMP. */
  port?: number
  /** Where it is searched for by UPnP. */
  search?: UpnpInit['search']
  /** How long a port is asked for; it is asked for again after half of what was given. */
  lifetimeMs?: number
  /** Until the first repetition of a request; each further one waits twice as long. */
  firstWaitMs?: number
  /** From a failure to the next attempt. */
  retryMs?: number
}

interface Mapping {
  internalIp: string
  internalPort: number
  externalIp: string
  externalPort: number
}

const tcpPortOn = (address: Multiaddr, ip: string): number | undefined => {
  const [host, transport] = address.getComponents()
  return host?.value === ip && transport?.name === 'tcp' ? Number(transport.value) : undefined
}

/** What is wrong with the gateway whatever it is asked by. */
class OtherNatError extends Error {}

/** This host's address on the way to another; undefined where there is no way. */
const addressTowards = async (host: string): Promise<string | undefined> => {
  const socket = createSocket('udp4')
  try {
    // Connected, which sends nothing.
    socket.connect(9, host)
    await once(socket, 'connect')
    return socket.address().address
  } catch {
    return undefined
  } finally {
    socket.close()
  }
}

/**
 * Asks the gateway for a port outside for each TCP port that this node listens on, by NAT-PMP or else by UPnP, keeps it, and
 * tells the host its address. A node that listens on the loopback alone, or whose own address is public, asks nobody.
 */
export class PortMapping {
  readonly #parts: PortMappingParts
  readonly #init: Required<Pick<PortMappingInit, 'gateway' | 'lifetimeMs' | 'firstWaitMs' | 'retryMs'>>
  readonly #open: Readonly<Record<MappingProtocol, OpenGateway>>
  readonly #mappings: Mapping[] = []
  readonly #over = new AbortController()
  /** That gave the ports. */
  #client: GatewayClient | undefined
  /** Best first: who has answered once is asked first. */
  #protocols: readonly MappingProtocol[] = ['nat-pmp', 'upnp']
  #state: PortMappingState = { state: 'asking' }
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined

  constructor(parts: PortMappingParts, { port, search, ...init }: PortMappingInit) {
    this.#parts = parts
    const firstWaitMs = init.firstWaitMs ?? 250
    this.#init = { lifetimeMs: limits.portMappingMs, retryMs: limits.portMappingRetryMs, ...init, firstWaitMs }
    this.#open = {
      'nat-pmp': openNatPmp({ firstWaitMs, ...(port === undefined ? {} : { port }) }),
      upnp: openUpnp({ firstWaitMs, ...(search === undefined ? {} : { search }) })
    }
  }

  state(): PortMappingState {
    return this.#state
  }

  /** Called by libp2p once the host listens. */
  afterStart(): void {
    this.refresh()
  }

  start(): void {}

  /** Asks again at once, as after a change of networks. */
  refresh(): void {
    clearTimeout(this.#timer)
    if (this.#over.signal.aborted) return
    this.#running = (this.#running ?? Promise.resolve()).then(async () => this.#round())
  }

  /** Gives the ports back. A gateway that does not hear it lets them end by itself. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#over.abort()
    await this.#running
    const client = this.#client
    const ports = [...this.#mappings]
    this.#forget()
    if (client === undefined) return
    const signal = AbortSignal.timeout(limits.upnpAnswerMs)
    await Promise.allSettled(ports.map(async (port) => client.unmap(port, signal)))
    client.close()
  }

  async #round(): Promise<void> {
    const gateway = await this.#init.gateway()
    if (gateway === undefined) return this.#needless('There is no default gateway.')
    const internalIp = await addressTowards(gateway)
    if (internalIp === undefined) return this.#needless(`${gateway}, the gateway, cannot be reached.`)
    if (!isPrivate(multiaddr(`/ip4/${internalIp}`))) return this.#needless(`${internalIp}, its own address, is public.`)
    const bound = this.#parts.transportManager.getAddrs().map((one) => tcpPortOn(one, internalIp))
    const ports = [...new Set(bound.filter((port) => port !== undefined))].slice(0, limits.addressesPerRecord)
    if (ports.length === 0) return this.#needless(`Nothing is listened on at ${internalIp}, which the gateway knows.`)
    const reasons: string[] = []
    for (const protocol of this.#protocols) {
      const reason = await this.#try(protocol, { gateway, internalIp }, ports)
      if (reason === undefined || this.#over.signal.aborted) return
      if (reason instanceof OtherNatError) return this.#fail(gateway, reason.message)
      reasons.push(`by ${protocolNames[protocol]} ${reason.message}`)
    }
    this.#fail(gateway, reasons.join(', '))
  }

  /** @returns why there are no ports to be had by this protocol; undefined where there are */
  async #try(protocol: MappingProtocol, ends: GatewayEnds, ports: number[]): Promise<Error | undefined> {
    let client: GatewayClient | undefined
    try {
      client = await this.#open[protocol](ends, this.#over.signal)
      await this.#map(client, protocol, ends, ports)
      this.#client?.close()
      this.#client = client
      this.#protocols = [protocol, ...this.#protocols.filter((one) => one !== protocol)]
      return undefined
    } catch (err) {
      client?.close()
      return err instanceof Error ? err : new Error(String(err))
    }
  }

  async #map(
    client: GatewayClient,
    protocol: MappingProtocol,
    { gateway, internalIp }: GatewayEnds,
    ports: number[]
  ): Promise<void> {
    const { signal } = this.#over
    const externalIp = await client.externalAddress(signal)
    if (isPrivate(multiaddr(`/ip4/${externalIp}`)))
      throw new OtherNatError(`${externalIp}, its own address outside, is behind another NAT`)
    const given: Mapping[] = []
    let shortestMs = this.#init.lifetimeMs
    for (const internalPort of ports) {
      const before = this.#mappings.find((one) => one.internalPort === internalPort)
      const wanted = { internalPort, externalPort: before?.externalPort ?? internalPort }
      const { externalPort, lifetimeMs } = await client.map({ ...wanted, lifetimeMs: this.#init.lifetimeMs }, signal)
      shortestMs = Math.min(shortestMs, lifetimeMs)
      given.push({ internalIp, internalPort, externalIp, externalPort })
    }
    this.#forget()
    for (const mapping of given) this.#tell(mapping, shortestMs)
    const addresses = given.map((mapping) => `${mapping.externalIp}:${mapping.externalPort}`)
    this.#state = { state: 'mapped', gateway, protocol, addresses }
    this.#again(Math.max(shortestMs / 2, this.#init.firstWaitMs))
  }

  #tell(mapping: Mapping, ttl: number): void {
    const { internalIp, internalPort, externalIp, externalPort } = mapping
    const { addressManager } = this.#parts
    this.#mappings.push(mapping)
    addressManager.addPublicAddressMapping(internalIp, internalPort, externalIp, externalPort)
    const address = multiaddr(`/ip4/${externalIp}/tcp/${externalPort}`)
    addressManager.confirmObservedAddr(address, { type: 'ip-mapping', ttl })
  }

  #forget(): void {
    for (const { internalIp, internalPort, externalIp, externalPort } of this.#mappings.splice(0))
      this.#parts.addressManager.removePublicAddressMapping(internalIp, internalPort, externalIp, externalPort)
  }

  #fail(gateway: string, reason: string): void {
    this.#forget()
    this.#state = { state: 'failed', gateway, reason }
    this.#again(this.#init.retryMs)
  }

  #needless(reason: string): void {
    this.#forget()
    this.#state = { state: 'needless', reason }
    this.#again(this.#init.retryMs)
  }

  #again(ms: number): void {
    if (this.#over.signal.aborted) return
    this.#timer = setTimeout(() => this.refresh(), ms)
    this.#timer.unref()
  }
}

/** As a libp2p service: `services: { portMapping: portMapping({ gateway: readDefaultGateway }) }`. */
export const portMapping =
  (init: PortMappingInit) =>
  (parts: PortMappingParts): PortMapping =>
    new PortMapping(parts, init)
