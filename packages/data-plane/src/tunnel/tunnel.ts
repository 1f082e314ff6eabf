import { Duplex } from 'node:stream'
import { borrow } from '@agent-mesh/slabs'
import type { Stream } from '@libp2p/interface'
import {
  encodeCredit,
  encodeFin,
  encodeHeader,
  encodeReset,
  frameTypes,
  fromWireCode,
  limits,
  MeshError,
  toMeshError,
  toWireCode
} from '@agent-mesh/wire'
import { Uint8ArrayList } from 'uint8arraylist'
import type { Allowance } from '../interfaces.ts'
import { refusal } from './answer.ts'
import type { CreditLease } from './credit-budget.ts'
import { ReceiveWindow, SendCredit } from './credit-window.ts'
import { Inbox } from './inbox.ts'
import { withLength } from './preamble.ts'
import { SendTurns } from './send-turns.ts'
import { StreamReader } from './stream-reader.ts'
import { StreamWriter } from './stream-writer.ts'

/** What one DATA frame carries at most where other tunnels wait for their turn on the connection. */
const framePayloadBytes = 64 * 1024

/** How much a writer may hand over before `write()` asks it to wait. */
const writableBytes = 256 * 1024

export interface TunnelInit {
  stream: Stream
  lease: CreditLease
  /** Shared by the tunnels that may be on one connection. */
  turns?: SendTurns
  /** Where its connection is limited. */
  allowance?: Allowance | undefined
  /** Monotonic clock in milliseconds. */
  now?: () => number
}

type Callback = (error?: Error | null) => void

/**
 * One byte stream between a caller and a service, over one libp2p stream.
 *
 * The first message of each direction is a preamble (open, answer); frames follow. As a Duplex it behaves like a TCP
 * socket with `allowHalfOpen`: `end()` is a FIN, `destroy(err)` a RESET with the code of the error (or, where no answer went
 * out yet, a refusal), and a stream that is cut before its FIN is destroyed with CONNECTION_LOST, never ended. `close` is emitted when the libp2p stream is over too.
 */
export class Tunnel extends Duplex {
  /** The other side's open or answer message; rejects with the MeshError that ended the tunnel before it came. */
  readonly preamble: Promise<Uint8Array>

  readonly #stream: Stream
  readonly #lease: CreditLease
  readonly #allowance: Allowance | undefined
  readonly #now: () => number
  readonly #writer: StreamWriter
  readonly #window: ReceiveWindow
  readonly #credit: SendCredit
  readonly #inbox = new Inbox()
  readonly #reader: StreamReader
  readonly #rejectPreamble: (error: MeshError) => void
  #outgoing = new Uint8ArrayList()
  #sentBytes = 0
  #onWritten: Callback | undefined
  #failure: MeshError | undefined
  #isPreambleSent = false
  #isReaderReady = false
  #isDeliveryScheduled = false
  #isFinSent = false
  #isFinReceived = false
  #isEndPushed = false
  /** The peer knows already, or cannot be told, that the tunnel is over. */
  #isPeerGone = false

  constructor({ stream, lease, turns = new SendTurns(), allowance, now = () => performance.now() }: TunnelInit) {
    super({ allowHalfOpen: true, readableHighWaterMark: 1, writableHighWaterMark: writableBytes })
    this.#stream = stream
    this.#lease = lease
    this.#allowance = allowance
    this.#now = now
    this.#window = new ReceiveWindow(lease, now())
    this.#credit = new SendCredit(lease.limits.initialBytes)
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
    promise.catch(() => {})
    this.preamble = promise
    this.#rejectPreamble = reject
    this.#writer = new StreamWriter(stream, turns, (isAlone) => this.#sendFrame(isAlone))
    // Without a listener an error would end the process. Whoever holds the tunnel listens for itself.
    this.on('error', () => {})
    this.#reader = new StreamReader(stream, {
      preamble: resolve,
      data: (payload) => this.#onPayload(payload),
      fin: () => this.#onFin(),
      reset: (wireCode) => this.#onReset(wireCode),
      credit: (bytes) => this.#onCredit(bytes),
      batchEnd: () => this.#scheduleDelivery(),
      error: (error) => this.#fail(error),
      end: (cause) => this.#onEnd(cause)
    })
  }

  /** Payload bytes that came in, read or not. */
  get bytesIn(): number {
    return this.#window.receivedBytes
  }

  /** Payload bytes that were handed to the connection. */
  get bytesOut(): number {
    return this.#sentBytes
  }

  /** What ended the tunnel before both directions were done; CANCELLED after a plain `destroy()`. */
  get failure(): MeshError | undefined {
    return this.#failure
  }

  /**
   * Sends the open or answer message; frames may follow at once.
   * @throws MeshError CONNECTION_LOST, LIMIT_EXCEEDED
   */
  sendPreamble(message: Uint8Array): void {
    this.#writer.send(withLength(message))
    this.#isPreambleSent = true
  }

  /** What comes from now on may lie in memory that is used again: whoever reads it has to give it back by `release`. */
  borrow(): void {
    borrow(this.#stream)
  }

  override _read(): void {
    this.#isReaderReady = true
    this.#deliver()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Callback): void {
    this.#outgoing.append(chunk)
    this.#onWritten = done
    this.#pump()
  }

  override _writev(chunks: Array<{ chunk: Buffer; encoding: BufferEncoding }>, done: Callback): void {
    for (const { chunk } of chunks) this.#outgoing.append(chunk)
    this.#onWritten = done
    this.#pump()
  }

  override _final(done: Callback): void {
    this.#attempt(() => {
      this.#writer.send(encodeFin())
      this.#isFinSent = true
      this.#closeIfDone()
      done()
    })
  }

  override _destroy(error: Error | null, done: Callback): void {
    const isDone = error === null && this.#isFinSent && this.#isFinReceived
    if (!isDone)
      this.#failure = toMeshError(error ?? new MeshError('CANCELLED', 'The tunnel was given up.'), 'TUNNEL_RESET')
    // an end in order comes after the first message
    if (this.#failure !== undefined) this.#rejectPreamble(this.#failure)
    this.#inbox.clear()
    this.#outgoing = new Uint8ArrayList()
    this.#lease.close()
    void this.#finish(this.#failure, error === null ? null : (this.#failure ?? null), done)
  }

  /** `close` and `error` wait until the libp2p stream is over and what had to be said is out. */
  async #finish(failure: MeshError | undefined, error: MeshError | null, done: Callback): Promise<void> {
    if (failure === undefined) await this.#writer.close()
    else await this.#writer.abort(failure, this.#isPeerGone ? undefined : this.#lastWords(failure))
    this.#reader.release()
    const written = this.#onWritten
    this.#onWritten = undefined
    done(error)
    written?.(failure)
  }

  /** Where the other side waits for an answer still, a refusal; else a RESET. */
  #lastWords(reason: MeshError): Uint8Array {
    return this.#isPreambleSent ? encodeReset(toWireCode(reason.code)) : withLength(refusal(reason))
  }

  /** Asks for a turn where there is something that may be sent, and for more where all of it is out. */
  #pump(): void {
    if (this.#maySend) this.#writer.request()
    else if (this.#outgoing.byteLength === 0) this.#takeMore()
  }

  get #maySend(): boolean {
    return this.#outgoing.byteLength > 0 && this.#credit.availableBytes > 0 && !this.destroyed
  }

  /** One frame as one list, its payload as it was written. Returns whether another may follow. */
  #sendFrame(isAlone: boolean): boolean {
    if (!this.#maySend) return false
    const leftBytes = this.#allowance?.leftBytes ?? Infinity
    if (leftBytes <= 0) {
      this.#fail(this.#allowance?.error())
      return false
    }
    const most = Math.min(isAlone ? limits.frameBytes : framePayloadBytes, leftBytes)
    const length = Math.min(this.#outgoing.byteLength, this.#credit.availableBytes, most)
    this.#allowance?.take(length)
    const frame = this.#outgoing.sublist(0, length)
    this.#outgoing.consume(length)
    frame.prepend(encodeHeader(frameTypes.data, length))
    this.#credit.take(length)
    this.#sentBytes += length
    this.#attempt(() => this.#writer.send(frame))
    if (this.#outgoing.byteLength === 0 && !this.destroyed) this.#takeMore()
    return this.#maySend
  }

  #takeMore(): void {
    const written = this.#onWritten
    this.#onWritten = undefined
    written?.()
  }

  #onPayload(payload: Uint8Array): void {
    if (this.destroyed) return
    if (this.#isFinReceived) throw new MeshError('TUNNEL_PROTOCOL', 'The peer sent data after its FIN.')
    this.#window.receive(payload.length, this.#now())
    this.#inbox.push(payload)
  }

  #onFin(): void {
    if (this.#isFinReceived) throw new MeshError('TUNNEL_PROTOCOL', 'The peer sent a second FIN.')
    this.#isFinReceived = true
    this.#closeIfDone()
  }

  #onReset(wireCode: number): void {
    const code = fromWireCode(wireCode)
    this.#deliver()
    this.#isPeerGone = true
    // the same connection ends here: what it was given is known on this side as well
    const isSpent = code === 'CARRIER_LIMIT'
    if (isSpent) this.#allowance?.end()
    const known = isSpent ? this.#allowance?.error() : undefined
    this.destroy(known ?? new MeshError(code, `The other end reset the tunnel with ${code}.`))
  }

  #onCredit(bytes: number): void {
    this.#credit.grant(bytes)
    this.#pump()
  }

  /** In a microtask: what one read of the connection brings is then delivered together. */
  #scheduleDelivery(): void {
    if (this.#isDeliveryScheduled || this.destroyed) return
    this.#isDeliveryScheduled = true
    queueMicrotask(() => {
      this.#isDeliveryScheduled = false
      this.#deliver()
    })
  }

  /** Gives the reader what it takes. Only what it took is granted anew. */
  #deliver(): void {
    let delivered = 0
    while (this.#isReaderReady && !this.destroyed) {
      const piece = this.#inbox.shift()
      if (piece === undefined) break
      delivered += piece.length
      this.#isReaderReady = this.push(piece)
    }
    if (this.destroyed) return
    this.#inbox.settle()
    const grant = delivered === 0 ? 0 : this.#window.consume(delivered, this.#now())
    if (grant > 0 && !this.#isFinReceived) this.#attempt(() => this.#writer.send(encodeCredit(grant)))
    if (this.#isFinReceived && !this.#isEndPushed && this.#inbox.byteLength === 0) {
      this.#isEndPushed = true
      this.push(null)
    }
  }

  /** The libp2p stream carries credits and resets until both directions are done; only then it is closed. */
  #closeIfDone(): void {
    if (this.#isFinSent && this.#isFinReceived) void this.#writer.close()
  }

  /** After the peer's FIN its stream may end; it is a cut only where we have not said everything and cannot any more. */
  #onEnd(cause: Error | undefined): void {
    if (this.destroyed || (this.#isFinReceived && (this.#isFinSent || this.#writer.isOpen))) return
    const lost = 'The connection to the peer was lost before the end of the data.'
    this.destroy(this.#allowance?.cut() ?? new MeshError('CONNECTION_LOST', lost, { cause }))
  }

  #attempt(work: () => void): void {
    try {
      work()
    } catch (err) {
      this.#fail(err)
    }
  }

  #fail(err: unknown): void {
    const error = toMeshError(err)
    const isLost = error.code === 'CONNECTION_LOST'
    this.#isPeerGone ||= isLost
    this.destroy((isLost ? this.#allowance?.cut() : undefined) ?? error)
  }
}
