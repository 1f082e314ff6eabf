import type { ClientRequest, IncomingMessage } from 'node:http'
import { limits, MeshError } from '@agent-mesh/wire'
import { forwardTrailers, type RawHeaders } from './header-rules.ts'

/** Bytes of bodies that one proxy keeps, all requests together. */
export class KeptBytes {
  #sum = 0

  /** @returns whether there is room; then they count until they are given back */
  take(bytes: number): boolean {
    if (this.#sum + bytes > limits.proxyKeptBodiesBytes) return false
    this.#sum += bytes
    return true
  }

  give(bytes: number): void {
    this.#sum -= bytes
  }
}

export interface RequestBodyInit {
  stream: IncomingMessage
  rawTrailers: () => RawHeaders
  /** Where what was read is counted that is kept; absent where the request is not to be repeated. */
  kept?: KeptBytes | undefined
}

/**
 * The body of a request and its trailers. It is read once there is a tunnel for it, with backpressure; a small one is kept,
 * so that it can be said again. Where the client breaks off, so does the request: half a body is never taken for a whole one.
 */
export class RequestBody {
  readonly #init: RequestBodyInit
  #chunks: Buffer[] = []
  #keptBytes = 0
  #isKept: boolean
  #isRead = false
  #outgoing: ClientRequest | undefined

  constructor(init: RequestBodyInit) {
    this.#init = init
    this.#isKept = init.kept !== undefined
    const { stream } = init
    stream.on('data', (chunk: Buffer) => {
      this.#isRead = true
      this.#keep(chunk)
      if (this.#outgoing?.write(chunk) === false) stream.pause()
    })
    stream.once('end', () => {
      if (this.#outgoing !== undefined) this.#end(this.#outgoing)
    })
    const onCut = (): void => {
      if (!stream.complete) this.#outgoing?.destroy(new MeshError('CANCELLED', 'The client broke off its request.'))
    }
    stream.once('error', onCut).once('close', onCut)
    stream.pause()
  }

  /** All of it can be said, to somebody else too. */
  get isWhole(): boolean {
    const { stream } = this.#init
    return (this.#isKept || !this.#isRead) && (stream.complete || !stream.destroyed)
  }

  /** The attempt has a tunnel. */
  sendTo(outgoing: ClientRequest): void {
    const { stream } = this.#init
    this.#outgoing = outgoing
    outgoing.flushHeaders()
    for (const chunk of this.#chunks) outgoing.write(chunk)
    if (stream.readableEnded) this.#end(outgoing)
    else if (outgoing.writableNeedDrain) stream.pause()
    else stream.resume()
    outgoing.on('drain', () => {
      if (this.#outgoing === outgoing) stream.resume()
    })
  }

  /** The attempt is over. What the client says meanwhile waits. */
  takeFrom(outgoing: ClientRequest): void {
    if (this.#outgoing !== outgoing) return
    this.#outgoing = undefined
    this.#init.stream.pause()
  }

  /** It need not be said again. */
  forget(): void {
    this.#isKept = false
    this.#chunks = []
    this.#init.kept?.give(this.#keptBytes)
    this.#keptBytes = 0
  }

  #keep(chunk: Buffer): void {
    if (!this.#isKept) return
    const isSmall = this.#keptBytes + chunk.length <= limits.proxyKeptBodyBytes
    if (!isSmall || this.#init.kept?.take(chunk.length) !== true) {
      this.forget()
      return
    }
    this.#keptBytes += chunk.length
    this.#chunks.push(chunk)
  }

  #end(outgoing: ClientRequest): void {
    const trailers = forwardTrailers(this.#init.rawTrailers())
    if (trailers.length > 0) outgoing.addTrailers(trailers)
    outgoing.end()
  }
}
