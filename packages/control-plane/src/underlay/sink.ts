import { decodeMessage, EchoAccept, EchoOpen, limits, MeshError } from '@agent-mesh/wire'
import { Uint8ArrayList } from 'uint8arraylist'
import type { Connection, Stream } from '@libp2p/interface'
import { messageStream, type MessagePrelude } from '../admission/message-stream.ts'
import { TokenBuckets } from '../admission/token-buckets.ts'
import { deadline } from '../discovery/deadline.ts'
import { echoCodes } from './filter-probe.ts'

/**
 * Takes bytes of members and throws them away, so that they can count what bytes of a known number become on the wire. It
 * answers each block of them with one byte: then they have left the sender.
 */
export class Sinks {
  readonly #perMember: TokenBuckets
  #open = 0

  /** @param now - milliseconds; only differences matter */
  constructor(now: () => number) {
    this.#perMember = new TokenBuckets({
      capacity: limits.sinksPerMember,
      perSecond: 1_000 / limits.sinkEveryMs,
      keys: limits.membersRemembered,
      now
    })
  }

  /**
   * Reads to the end of the stream, or up to what one may bring.
   * @param blockBytes - after so many one byte goes back
   * @throws MeshError of the stream
   */
  async serve(peer: string, messages: MessagePrelude, blockBytes: number, signal: AbortSignal): Promise<void> {
    const isTaken = this.#open < limits.sinks && this.#perMember.take(peer)
    const until = deadline(limits.sinkMs, signal)
    if (isTaken) this.#open++
    try {
      await messages.write(EchoAccept.encode({ code: isTaken ? echoCodes.accepted : echoCodes.full }), until)
      const stream = messages.unwrap()
      if (isTaken) await drain(stream, blockBytes, until)
      await stream.close({ signal: until })
    } finally {
      if (isTaken) this.#open--
    }
  }
}

const drain = async (stream: Stream, blockBytes: number, until: AbortSignal): Promise<void> => {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  let total = 0
  let answered = 0
  const stop = (code: 'LIMIT_EXCEEDED' | 'TIMEOUT'): void => {
    stream.abort(new MeshError(code))
    end()
  }
  const onAbort = (): void => stop('TIMEOUT')
  stream.addEventListener('message', ({ data }) => {
    total += data.byteLength
    if (total > limits.sinkBytes) return stop('LIMIT_EXCEEDED')
    const blocks = Math.floor(total / blockBytes) - answered
    if (blocks === 0 || stream.writeStatus !== 'writable') return
    answered += blocks
    stream.send(new Uint8Array(blocks))
  })
  stream.addEventListener('remoteCloseWrite', () => end())
  stream.addEventListener('close', () => end())
  until.addEventListener('abort', onAbort)
  if (stream.readStatus === 'paused') stream.resume()
  if (stream.status !== 'open' || stream.remoteWriteStatus !== 'writable') end()
  await ended
  until.removeEventListener('abort', onAbort)
}

/** A stream to the sink of a member. */
export interface OpenSink {
  /** Hands one block over, and waits until the member has it. @throws MeshError CONNECTION_LOST, TIMEOUT, CANCELLED */
  send: (pieces: Uint8Array[], signal: AbortSignal) => Promise<void>
  close: () => void
}

/**
 * @param blockBytes - of what {@link OpenSink.send} is given each time
 * @param protocol - `protocols(networkId).underlay`
 * @throws MeshError RATE_LIMITED where the member takes none now, and of the stream
 */
export const openSink = async (
  connection: Connection,
  protocol: string,
  blockBytes: number,
  signal: AbortSignal
): Promise<OpenSink> => {
  const stream = await connection.newStream(protocol, { signal })
  const close = (): void => stream.abort(new MeshError('CANCELLED', 'The measurement is over.'))
  const what = 'measurement of what bytes cost'
  try {
    const messages = messageStream(stream, { most: limits.echoOpenBytes, code: 'TUNNEL_PROTOCOL', what })
    await messages.write(EchoOpen.encode({ sinkBytes: blockBytes }), signal)
    const bytes = await messages.read(signal)
    const { code } = decodeMessage(EchoAccept, bytes, limits.echoOpenBytes, 'TUNNEL_PROTOCOL', 'answer')
    if (code !== echoCodes.accepted)
      throw new MeshError('RATE_LIMITED', `${connection.remotePeer.toString()} takes part in no ${what} now.`)
    const plain = messages.unwrap()
    return { close, send: blockSender(plain) }
  } catch (err) {
    close()
    throw err
  }
}

const blockSender = (stream: Stream): OpenSink['send'] => {
  let arrived = 0
  let sent = 0
  let onChange: (() => void) | undefined
  stream.addEventListener('message', ({ data }) => {
    arrived += data.byteLength
    onChange?.()
  })
  stream.addEventListener('close', () => onChange?.())
  if (stream.readStatus === 'paused') stream.resume()
  return async (pieces, signal) => {
    const block = new Uint8ArrayList(...pieces)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = (): void =>
      reject(new MeshError('TIMEOUT', `${block.byteLength} bytes were not confirmed in time.`))
    onChange = () => {
      if (arrived >= sent) resolve()
      else if (stream.status !== 'open') reject(new MeshError('CONNECTION_LOST', 'The stream ended meanwhile.'))
    }
    signal.addEventListener('abort', onAbort)
    try {
      if (signal.aborted) onAbort()
      sent++
      stream.send(block)
      onChange()
      await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}
