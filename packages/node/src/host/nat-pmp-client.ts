import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { decodeAnswer, encodeAddressRequest, encodeMappingRequest, natPmpPort, type NatPmpAnswer } from './nat-pmp.ts'
import type { GatewayClient, OpenGateway } from './gateway-client.ts'

export interface NatPmpInit {
  /** Where the gateway listens. */
  port?: number
  /** Until the first repetition of a request; each further one waits twice as long. */
  firstWaitMs: number
}

/** Repetitions of RFC 6886 would last 64 s; a gateway that speaks NAT-PMP answers within milliseconds. */
const tries = 5

const isAddress = (answer: NatPmpAnswer): answer is Extract<NatPmpAnswer, { kind: 'address' }> =>
  answer.kind === 'address'

const isMappingOf =
  (port: number) =>
  (answer: NatPmpAnswer): answer is Extract<NatPmpAnswer, { kind: 'mapping' }> =>
    answer.kind === 'mapping' && answer.internalPort === port

/** One conversation with a gateway: a request at a time, repeated until it is answered. */
class NatPmpClient implements GatewayClient {
  readonly #socket: Socket
  readonly #firstWaitMs: number

  constructor(socket: Socket, firstWaitMs: number) {
    this.#socket = socket
    this.#firstWaitMs = firstWaitMs
  }

  async externalAddress(signal: AbortSignal): Promise<string> {
    return (await this.#ask(encodeAddressRequest(), isAddress, signal)).address
  }

  async map({ internalPort, externalPort, lifetimeMs }: Parameters<GatewayClient['map']>[0], signal: AbortSignal) {
    const request = encodeMappingRequest(internalPort, externalPort, Math.ceil(lifetimeMs / 1_000))
    const given = await this.#ask(request, isMappingOf(internalPort), signal)
    return { externalPort: given.externalPort, lifetimeMs: given.lifetimeSeconds * 1_000 }
  }

  async unmap({ internalPort }: { internalPort: number }): Promise<void> {
    // A gateway that does not hear it lets the mapping end by itself.
    await new Promise((resolve) => this.#socket.send(encodeMappingRequest(internalPort, 0, 0), resolve))
  }

  close(): void {
    this.#socket.close()
  }

  async #ask<K extends NatPmpAnswer['kind']>(
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
    const onError = (err: NodeJS.ErrnoException): void =>
      reject(err.code === 'ECONNREFUSED' ? new Error('nobody listens') : err)
    this.#socket.on('message', onMessage)
    this.#socket.once('error', onError)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    else send(0)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#socket.off('message', onMessage).off('error', onError)
      signal.removeEventListener('abort', onAbort)
    }
  }
}

/** A socket that hears the gateway alone. */
export const openNatPmp =
  ({ port = natPmpPort, firstWaitMs }: NatPmpInit): OpenGateway =>
  async ({ gateway }) => {
    const socket = createSocket('udp4')
    socket.on('error', () => {})
    socket.connect(port, gateway)
    try {
      await once(socket, 'connect')
    } catch (err) {
      socket.close()
      throw err
    }
    socket.unref()
    return new NatPmpClient(socket, firstWaitMs)
  }
