import { Duplex } from 'node:stream'
import { fromWireCode, MeshError, toMeshError, toWireCode } from '../errors.ts'
import { limits } from '../limits.ts'
import { FrameDecoder } from './decoder.ts'
import { encodeFin, encodeHeader, encodeReset, frameTypes } from './header.ts'

interface Chunk {
  chunk: Uint8Array
  encoding: BufferEncoding
}

type Callback = (err?: Error | null) => void

/** How long the carrier may take to deliver the last frame before it is cut. */
const lingerMs = 1_000

/**
 * A byte stream inside the frames of another one, for carriers with their own backpressure (a unix socket): DATA, FIN
 * and RESET, no CREDIT. It owns the carrier from its construction on.
 *
 * `end()` sends FIN and leaves the other direction open. `destroy(err)` sends RESET with the code of the MeshError, or
 * CANCELLED without one; the other end is then destroyed with a MeshError of that code. A carrier that ends or fails
 * before FIN is CONNECTION_LOST, never the end of data.
 */
export class FramedDuplex extends Duplex {
  readonly #carrier: Duplex
  readonly #decoder: FrameDecoder
  #isFinSent = false
  #isFinReceived = false
  /** Nobody listens on the other side any more: RESET came, or the carrier is gone. */
  #isDeaf = false

  constructor(carrier: Duplex) {
    super({ allowHalfOpen: true })
    this.#carrier = carrier
    this.#decoder = new FrameDecoder({
      data: (payload) => this.#onData(payload),
      fin: () => this.#onFin(),
      reset: (wireCode) => {
        this.#isDeaf = true
        this.destroy(new MeshError(fromWireCode(wireCode)))
      },
      credit: () => {
        throw new MeshError('TUNNEL_PROTOCOL', 'A CREDIT frame came on a stream that has no credits.')
      }
    })
    carrier.on('data', this.#onBytes)
    carrier.on('end', () => {
      if (!this.#isFinReceived) this.#lose('ended before the end of the data')
    })
    carrier.on('error', (err) => this.#lose(`failed: ${err.message}`, err))
    carrier.on('close', () => {
      if (!this.#isFinReceived || !this.#isFinSent) this.#lose('was closed before the end of the data')
    })
    if (carrier.destroyed || carrier.readableEnded) process.nextTick(() => this.#lose('had ended before it was used'))
  }

  override _read(): void {
    this.#carrier.resume()
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: Callback): void {
    this.#send([chunk], callback)
  }

  override _writev(chunks: Chunk[], callback: Callback): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      callback
    )
  }

  override _final(callback: Callback): void {
    this.#carrier.write(
      encodeFin(),
      this.#onWritten((err) => {
        this.#isFinSent = err == null
        callback(err)
      })
    )
  }

  override _destroy(err: Error | null, callback: Callback): void {
    const carrier = this.#carrier
    carrier.off('data', this.#onBytes)
    if (this.#isDeaf) {
      carrier.destroy()
    } else if (!carrier.destroyed) {
      // Whatever still comes is read and dropped, so that the carrier reaches its end.
      carrier.resume()
      if (this.#isFinSent && this.#isFinReceived) carrier.end()
      else carrier.end(encodeReset(toWireCode(err === null ? 'CANCELLED' : toMeshError(err, 'TUNNEL_RESET').code)))
      const cut = setTimeout(() => carrier.destroy(), lingerMs)
      carrier.once('close', () => clearTimeout(cut))
    }
    callback(err)
  }

  readonly #onBytes = (bytes: Uint8Array): void => {
    try {
      this.#decoder.push(bytes)
    } catch (err) {
      this.destroy(toMeshError(err))
    }
  }

  #onData(payload: Uint8Array): void {
    if (this.destroyed) return
    if (this.#isFinReceived) throw new MeshError('TUNNEL_PROTOCOL', 'A DATA frame came after FIN.')
    if (!this.push(payload)) this.#carrier.pause()
  }

  #onFin(): void {
    if (this.#isFinReceived) throw new MeshError('TUNNEL_PROTOCOL', 'FIN came twice.')
    this.#isFinReceived = true
    this.push(null)
  }

  #send(chunks: Uint8Array[], callback: Callback): void {
    const pieces = chunks.filter((chunk) => chunk.length > 0).flatMap(toFrames)
    const last = pieces.pop()
    if (last === undefined) return callback()
    this.#carrier.cork()
    for (const piece of pieces) this.#carrier.write(piece)
    this.#carrier.write(last, this.#onWritten(callback))
    this.#carrier.uncork()
  }

  #onWritten(callback: Callback): (err?: Error | null) => void {
    return (err) => callback(err == null ? null : this.#lost(`failed: ${err.message}`, err))
  }

  #lose(how: string, cause?: Error): void {
    this.#isDeaf = true
    this.destroy(this.#lost(how, cause))
  }

  #lost(how: string, cause?: Error): MeshError {
    return new MeshError('CONNECTION_LOST', `The connection that carried the stream ${how}.`, { cause })
  }
}

/** Headers and payload of the frames that carry a chunk, as a list: the payload is not copied. */
const toFrames = (chunk: Uint8Array): Uint8Array[] => {
  const pieces: Uint8Array[] = []
  for (let offset = 0; offset < chunk.length; offset += limits.frameBytes) {
    const payload = chunk.subarray(offset, offset + limits.frameBytes)
    pieces.push(encodeHeader(frameTypes.data, payload.length), payload)
  }
  return pieces
}
