import { abortedError } from '../discovery/deadline.ts'
import { encodeStunRequest, readStun, stunIdBytes, type Endpoint } from './stun-message.ts'

/** A UDP socket, as far as it is needed here. */
export interface Datagrams {
  send: (bytes: Uint8Array, to: Endpoint) => void
  /** @returns the way to stop listening */
  onDatagram: (listener: (bytes: Uint8Array, from: Endpoint) => void) => () => void
}

export interface StunClientInit {
  datagrams: Datagrams
  /** Milliseconds of a clock that never goes back. */
  now: () => number
  randomBytes: (count: number) => Uint8Array
}

export interface StunAnswer {
  /** This socket as the server sees it. */
  mapped: Endpoint
  /** From the last request to its answer, in milliseconds. */
  rttMs: number
}

/** First pause until a request is repeated, doubled each time: RFC 8489, section 6.2.1. */
const firstWaitMs = 500

/**
 * Asks a STUN server for the address of the socket, again and again until the signal ends it.
 * @throws MeshError TIMEOUT, CANCELLED
 */
export const askStun = async (
  { datagrams, now, randomBytes }: StunClientInit,
  server: Endpoint,
  signal: AbortSignal
): Promise<StunAnswer> => {
  const { promise, resolve, reject } = Promise.withResolvers<StunAnswer>()
  const id = randomBytes(stunIdBytes)
  let sentMs = now()
  let timer: NodeJS.Timeout | undefined
  const send = (waitMs: number): void => {
    sentMs = now()
    datagrams.send(encodeStunRequest(id), server)
    timer = setTimeout(send, waitMs, 2 * waitMs)
  }
  // The id is what proves the answer: a server with several addresses may answer from another one.
  const forget = datagrams.onDatagram((bytes) => {
    const message = readStun(bytes)
    if (message?.kind === 'answer' && Buffer.compare(message.id, id) === 0)
      resolve({ mapped: message.mapped, rttMs: now() - sentMs })
  })
  const onAbort = (): void =>
    reject(abortedError(signal, `The answer of the STUN server ${server.host}:${server.port}`))
  signal.addEventListener('abort', onAbort)
  try {
    if (signal.aborted) onAbort()
    else send(firstWaitMs)
    return await promise
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    forget()
  }
}
