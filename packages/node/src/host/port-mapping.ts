import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { isPrivate } from '@libp2p/utils'
import { limits } from '@agent-mesh/wire'
import { decodeAnswer, encodeAddressRequest, encodeMappingRequest, natPmpPort, type NatPmpAnswer } from './nat-pmp.ts'

/** What the gateway does for this node; shown where reachability is. */
export type PortMappingState =
  | { state: 'asking' }
  /** Nothing that another machine reaches is listened on, or there is no gateway. */
  | { state: 'needless'; reason: string }
  | { state: 'mapped'; gateway: string; addresses: string[] }
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
  /** Where the gateway listens. */
  port?: number
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

/** Repetitions of RFC 6886 would last 64 s; a gateway that speaks NAT-PMP answers within milliseconds. */
const tries = 5

const tcpPortOn = (address: Multiaddr, ip: string): number | undefined => {
  const [host, transport] = address.getComponents()
  return host?.value === ip && transport?.name === 'tcp' ? Number(transport.value) : undefined
}

/** One conversation with a gateway: a request at a time, repeated until it is answered. */
class Conversation {
  readonly #socket: Socket
  readonly #firstWaitMs: number

  constructor(socket: Socket, firstWaitMs: number) {
    this.#socket = socket
    this.#firstWaitMs = firstWaitMs
  }

  async ask<K extends NatPmpAnswer['kind']>(
    request: Uint8Array,
    fits: (answer: NatPmpAnswer) => answer is Extract<NatPmpAnswer, { kind: K }>,
    signal: AbortSignal
  ): Promise<Extract<NatPmpAnswer, { kind: K }>> {
    const { promise, resolve, reject } = Promise.withResolvers<Extract<NatPmpAnswer, { kind: K }>>()
    let timer: NodeJS.Timeout | undefined
    const send = (tried: number): void => {
      if (tried === tries) return reject(new Error('it does not answer'))
      this.#socket.send(request)
      timer = setTimeout(send, this.#firstWaitMs * 2 ** tried, tried + 1)
    }
    const onMessage = (bytes: Uint8Array): void => {
      const answer = decodeAnswer(bytes)
      if (answer?.kind === 'refused') reject(new Error(answer.reason))
      else if (answer !== undefined && fits(answer)) resolve(answer)
    }
    const onAbort = (): void => reject(new Error('the node stops'))
    this.#socket.on('message', onMessage)
    this.#socket.once('error', reject)
    signal.addEventListener('abort', onAbort)
    send(0)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#socket.off('message', onMessage).off('error', reject)
      signal.removeEventListener('abort', onAbort)
    }
  }
}

const isAddress = (answer: NatPmpAnswer): answer is Extract<NatPmpAnswer, { kind: 'address' }> =>
  answer.kind === 'address'

const isMappingOf =
  (port: number) =>
  (answer: NatPmpAnswer): answer is Extract<NatPmpAnswer, { kind: 'mapping' }> =>
    answer.kind === 'mapping' && answer.internalPort === port

/**
 * Asks the gateway by NAT-PMP for a port outside for each TCP port that this node listens on, keeps it, and tells the host
 * its address. A node that listens on the loopback alone asks nobody.
 */
export class PortMapping {
  readonly #parts: PortMappingParts
  readonly #init: Required<PortMappingInit>
  readonly #mappings: Mapping[] = []
  readonly #over = new AbortController()
  #state: PortMappingState = { state: 'asking' }
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined

  constructor(parts: PortMappingParts, init: PortMappingInit) {
    this.#parts = parts
    this.#init = {
      port: natPmpPort,
      lifetimeMs: limits.portMappingMs,
      firstWaitMs: 250,
      retryMs: limits.portMappingRetryMs,
      ...init
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

  /** Gives the ports back. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#over.abort()
    await this.#running
    const gateway = this.#state.state === 'mapped' ? this.#state.gateway : undefined
    const ports = this.#mappings.map(({ internalPort }) => internalPort)
    this.#forget()
    if (gateway === undefined) return
    const socket = await this.#open(gateway)
    // A gateway that does not hear it lets the mapping end by itself.
    for (const port of ports) await new Promise((resolve) => socket.send(encodeMappingRequest(port, 0, 0), resolve))
    socket.close()
  }

  async #round(): Promise<void> {
    const gateway = await this.#init.gateway()
    if (this.#over.signal.aborted) return
    if (gateway === undefined) return this.#needless('There is no default gateway.')
    const socket = await this.#open(gateway).catch(() => undefined)
    if (socket === undefined) return this.#needless(`${gateway}, the gateway, cannot be reached.`)
    try {
      const { address: internalIp } = socket.address()
      const bound = this.#parts.transportManager.getAddrs().map((one) => tcpPortOn(one, internalIp))
      const ports = [...new Set(bound.filter((port) => port !== undefined))].slice(0, limits.addressesPerRecord)
      if (ports.length === 0) return this.#needless(`Nothing is listened on at ${internalIp}, which the gateway knows.`)
      await this.#map(new Conversation(socket, this.#init.firstWaitMs), gateway, internalIp, ports)
    } catch (err) {
      this.#forget()
      this.#state = { state: 'failed', gateway, reason: err instanceof Error ? err.message : String(err) }
      this.#again(this.#init.retryMs)
    } finally {
      socket.close()
    }
  }

  async #map(talk: Conversation, gateway: string, internalIp: string, ports: number[]): Promise<void> {
    const { signal } = this.#over
    const { address: externalIp } = await talk.ask(encodeAddressRequest(), isAddress, signal)
    if (isPrivate(multiaddr(`/ip4/${externalIp}`)))
      throw new Error(`${externalIp}, its own address outside, is behind another NAT`)
    const given: Mapping[] = []
    let shortestMs = this.#init.lifetimeMs
    for (const internalPort of ports) {
      const wanted = this.#mappings.find((one) => one.internalPort === internalPort)?.externalPort ?? internalPort
      const request = encodeMappingRequest(internalPort, wanted, Math.ceil(this.#init.lifetimeMs / 1000))
      const answer = await talk.ask(request, isMappingOf(internalPort), signal)
      shortestMs = Math.min(shortestMs, answer.lifetimeSeconds * 1000)
      given.push({ internalIp, internalPort, externalIp, externalPort: answer.externalPort })
    }
    this.#forget()
    for (const mapping of given) this.#tell(mapping, shortestMs)
    const addresses = given.map((mapping) => `${mapping.externalIp}:${mapping.externalPort}`)
    this.#state = { state: 'mapped', gateway, addresses }
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

  /** A socket that hears the gateway alone. */
  async #open(gateway: string): Promise<Socket> {
    const socket = createSocket('udp4')
    socket.on('error', () => {})
    socket.connect(this.#init.port, gateway)
    try {
      await once(socket, 'connect')
      return socket
    } catch (err) {
      socket.close()
      throw err
    }
  }
}

/** As a libp2p service: `services: { portMapping: portMapping({ gateway: readDefaultGateway }) }`. */
export const portMapping =
  (init: PortMappingInit) =>
  (parts: PortMappingParts): PortMapping =>
    new PortMapping(parts, init)
