import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface SlowWireInit {
  /** Of the server that it leads to. */
  port: number
  /** What bytes take in each direction, in milliseconds. */
  delayMs: number
}

/** One of the two ends: how many crossings of the wire lie behind what it has heard. */
interface End {
  crossings: number
}

/**
 * A long wire in front of a TCP port of 127.0.0.1: what is sent arrives later, in order, on the same connection.
 *
 * It counts crossings as a Lamport clock does: bytes have crossed once more than whatever their sender had heard by then.
 * However slow a machine is, what takes three round trips is never counted as two; other talk on the wire can only add to
 * it, and rarely does where the delay is longer than the ends need to answer. So the least of several counts is the true one.
 */
export class SlowWire {
  readonly #init: SlowWireInit
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #port = 0
  #isCut = false
  /** The dialling ends of all connections since the last cut. */
  #near: End[] = []
  #connections = 0

  private constructor(init: SlowWireInit) {
    this.#init = init
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      if (this.#isCut) near.resetAndDestroy()
      else this.#join(near)
    })
  }

  static async start(init: SlowWireInit): Promise<SlowWire> {
    const wire = new SlowWire(init)
    wire.#server.listen(0, '127.0.0.1')
    await once(wire.#server, 'listening')
    const address = wire.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the wire has no port')
    wire.#port = address.port
    return wire
  }

  get port(): number {
    return this.#port
  }

  /** Since the start. */
  get connections(): number {
    return this.#connections
  }

  /** Whole round trips behind what the dialling side has heard since the last cut; those of several connections add up. */
  get roundTrips(): number {
    return Math.floor(this.#near.reduce((sum, { crossings }) => sum + crossings, 0) / 2)
  }

  /** Ends all connections, and takes none until it is mended. */
  cut(): void {
    this.#isCut = true
    this.#near = []
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  mend(): void {
    this.#isCut = false
  }

  stop(): void {
    this.cut()
    this.#server.close()
  }

  #join(near: Socket): void {
    const far = connect({ host: '127.0.0.1', port: this.#init.port, allowHalfOpen: true, noDelay: true })
    const [nearEnd, farEnd]: [End, End] = [{ crossings: 0 }, { crossings: 0 }]
    this.#connections += 1
    this.#near.push(nearEnd)
    for (const [socket, other] of [
      [near, far],
      [far, near]
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
    this.#carry(near, far, nearEnd, farEnd)
    this.#carry(far, near, farEnd, nearEnd)
  }

  /** Timers of one length fire in their order. */
  #carry(from: Socket, to: Socket, sender: End, receiver: End): void {
    from.on('data', (bytes) => {
      const crossings = sender.crossings + 1
      setTimeout(() => {
        receiver.crossings = Math.max(receiver.crossings, crossings)
        if (to.writable) to.write(bytes)
      }, this.#init.delayMs)
    })
    from.once('end', () => setTimeout(() => to.end(), this.#init.delayMs))
  }
}
