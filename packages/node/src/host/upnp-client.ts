import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { isIPv4 } from 'node:net'
import { limits } from '@agent-mesh/wire'
import { callOf, errorCodeIn, IgdError, igdErrors, serviceIn, textOf, type IgdService } from './igd.ts'
import { locationIn, searches, ssdpAddress, ssdpPort } from './ssdp.ts'
import type { GatewayClient, GatewayEnds, OpenGateway, WantedPort } from './gateway-client.ts'

export interface UpnpInit {
  /** Where gateways are searched for. */
  search?: { address: string; port: number }
  /** Until the first repetition of a search; each further one waits twice as long. */
  firstWaitMs: number
}

/** Within four seconds; devices answer within one. */
const searchTries = 4

/** Other ports that are asked for where one is taken. */
const portTries = 4

/** What the gateway answers to one request of HTTP; redirections are not followed. */
const ask = async (
  url: URL,
  internalIp: string,
  signal: AbortSignal,
  call?: { action: string; body: string }
): Promise<{ status: number; body: string }> => {
  const until = AbortSignal.any([signal, AbortSignal.timeout(limits.upnpAnswerMs)])
  const headers =
    call === undefined
      ? {}
      : {
          'content-type': 'text/xml; charset="utf-8"',
          'content-length': Buffer.byteLength(call.body),
          soapaction: `"${call.action}"`
        }
  const outgoing = request(url, {
    agent: false,
    localAddress: internalIp,
    family: 4,
    signal: until,
    method: call === undefined ? 'GET' : 'POST',
    headers: { ...headers, connection: 'close' }
  })
  const { promise: answered, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  outgoing.once('response', resolve)
  // Of a late error hears whoever reads the answer.
  outgoing.on('error', reject)
  // The only sign of an answer that changes the protocol.
  outgoing.once('close', () => reject(new Error('it hung up')))
  outgoing.end(call?.body)
  const incoming = await answered
  try {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of incoming) {
      bytes += chunk.length
      if (bytes > limits.upnpAnswerBytes) throw new Error('it says too much')
      chunks.push(chunk)
    }
    return { status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }
  } finally {
    outgoing.destroy()
  }
}

/** Searches the network for the description of the gateway. @returns undefined where it says nothing */
const search = async (
  { gateway, internalIp }: GatewayEnds,
  { search: to = { address: ssdpAddress, port: ssdpPort }, firstWaitMs }: UpnpInit,
  signal: AbortSignal
): Promise<URL | undefined> => {
  const socket = createSocket('udp4')
  const { promise, resolve, reject } = Promise.withResolvers<URL | undefined>()
  // An address that is gone meanwhile is told to whoever waits for the socket.
  promise.catch(() => {})
  let timer: NodeJS.Timeout | undefined
  const onAbort = (): void => resolve(undefined)
  const send = (tried: number): void => {
    if (tried === searchTries) return resolve(undefined)
    for (const text of searches) socket.send(text, to.port, to.address)
    timer = setTimeout(send, firstWaitMs * 2 ** tried, tried + 1)
  }
  socket.on('error', reject)
  socket.on('message', (bytes, { address }) => {
    const location = locationIn(bytes, address, gateway)
    if (location !== undefined) resolve(location)
  })
  signal.addEventListener('abort', onAbort)
  try {
    if (signal.aborted) return undefined
    socket.bind(0, internalIp)
    await once(socket, 'listening')
    socket.setMulticastInterface(internalIp)
    send(0)
    return await promise
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    socket.close()
  }
}

/** A gateway whose service is known. */
class UpnpClient implements GatewayClient {
  readonly #service: IgdService
  readonly #internalIp: string

  constructor(service: IgdService, internalIp: string) {
    this.#service = service
    this.#internalIp = internalIp
  }

  async externalAddress(signal: AbortSignal): Promise<string> {
    const address = textOf(await this.#call('GetExternalIPAddress', {}, signal), 'NewExternalIPAddress') ?? ''
    if (!isIPv4(address)) throw new Error('it names no address outside')
    return address
  }

  async map(wanted: WantedPort, signal: AbortSignal): ReturnType<GatewayClient['map']> {
    let { externalPort } = wanted
    let leaseSeconds = Math.ceil(wanted.lifetimeMs / 1_000)
    for (let tried = 0; ; tried++) {
      try {
        await this.#add({ ...wanted, externalPort }, leaseSeconds, signal)
        return { externalPort, lifetimeMs: wanted.lifetimeMs }
      } catch (err) {
        if (!(err instanceof IgdError) || tried === portTries) throw err
        if (err.code === igdErrors.onlyPermanent) leaseSeconds = 0
        else if (err.code === igdErrors.conflict) externalPort = randomInt(49_152, 65_536)
        else throw err
      }
    }
  }

  async unmap({ externalPort }: { externalPort: number }, signal: AbortSignal): Promise<void> {
    const values = { NewRemoteHost: '', NewExternalPort: externalPort, NewProtocol: 'TCP' }
    await this.#call('DeletePortMapping', values, signal)
  }

  close(): void {}

  async #add({ externalPort, internalPort }: WantedPort, leaseSeconds: number, signal: AbortSignal): Promise<void> {
    await this.#call(
      'AddPortMapping',
      {
        NewRemoteHost: '',
        NewExternalPort: externalPort,
        NewProtocol: 'TCP',
        NewInternalPort: internalPort,
        NewInternalClient: this.#internalIp,
        NewEnabled: 1,
        NewPortMappingDescription: 'mesh-node',
        NewLeaseDuration: leaseSeconds
      },
      signal
    )
  }

  async #call(action: string, values: Record<string, string | number>, signal: AbortSignal): Promise<string> {
    const { type, control } = this.#service
    const call = { action: `${type}#${action}`, body: callOf(type, action, values) }
    const { status, body } = await ask(control, this.#internalIp, signal, call)
    if (status === 200) return body
    throw status === 500 ? new IgdError(errorCodeIn(body)) : new Error(`it answered ${action} with HTTP ${status}`)
  }
}

/** Finds the gateway by SSDP and reads what it can do. Nobody but the gateway itself is believed or asked. */
export const openUpnp =
  (init: UpnpInit): OpenGateway =>
  async (ends, signal) => {
    const location = await search(ends, init, signal)
    if (location === undefined) throw new Error('it does not answer')
    const { status, body } = await ask(location, ends.internalIp, signal)
    if (status !== 200) throw new Error(`its description is HTTP ${status}`)
    const service = serviceIn(body, location)
    if (service === undefined) throw new Error('it maps no ports')
    return new UpnpClient(service, ends.internalIp)
  }
