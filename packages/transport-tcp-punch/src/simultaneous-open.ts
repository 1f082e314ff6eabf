import { connect, createServer, isIP, type Server, type Socket } from 'node:net'
import { limits, MeshError } from '@agent-mesh/wire'
import type { Endpoint } from './address.ts'
import { showFirst, type Proof, type Tokens } from './proof.ts'

export interface SimultaneousOpenInit {
  /** The port whose mapping the other side knows. */
  localPort: number
  remote: Endpoint
  tokens: Tokens
  prove: Proof
  /** Ends the attempt. */
  signal: AbortSignal
}

/**
 * A refusal is answered by another try, milliseconds later: NATs reset what comes before their own side has sent. The
 * operating system repeats by itself what was dropped without an answer. Both sides differ, for a try closes the ear of
 * its side for a moment, in which the other one would never be heard if they kept step.
 */
const retryMs = { first: 70, second: 110 }

/**
 * Connects from a port to the other side, which does the same towards this one: both NATs then let the packets of the
 * other side in, for they look like answers. The port is listened on as well, because a side whose NAT takes another
 * port for each destination comes from where nobody expects it; where the NAT here lets anybody in, it still arrives.
 */
class SimultaneousOpen {
  readonly #init: SimultaneousOpenInit
  readonly #done = Promise.withResolvers<Socket>()
  /** Sockets that are connecting or have not shown yet who is there. */
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #timer: NodeJS.Timeout | undefined
  #isOver = false
  readonly #retryMs: number
  #lastError = 'nobody answered'

  constructor(init: SimultaneousOpenInit) {
    this.#init = init
    this.#retryMs = init.prove === showFirst ? retryMs.first : retryMs.second
  }

  /** @throws MeshError PUNCH_FAILED */
  async run(): Promise<Socket> {
    const { signal, remote } = this.#init
    const onAbort = (): void => {
      const why = `No socket to ${remote.host}:${remote.port} came about: ${this.#lastError}.`
      this.#done.reject(new MeshError('PUNCH_FAILED', why, { cause: signal.reason }))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      if (signal.aborted) onAbort()
      else this.#connect()
      const socket = await this.#done.promise
      this.#sockets.delete(socket)
      return socket
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#isOver = true
      clearTimeout(this.#timer)
      this.#stopListening()
      for (const socket of this.#sockets) socket.destroy()
    }
  }

  #connect(): void {
    // a socket can be bound to the port while others are connected from it, but not while one listens there
    this.#stopListening()
    const { remote, localPort } = this.#init
    const socket = connect({ ...remote, localPort, noDelay: true, keepAlive: true })
    this.#watch(socket)
    socket.once('connect', () => void this.#ask(socket))
    socket.once('close', () => {
      if (!this.#isOver) this.#timer = setTimeout(() => this.#connect(), this.#retryMs)
    })
    // by then the socket is bound
    setImmediate(() => this.#listen())
  }

  #listen(): void {
    if (this.#server !== undefined || this.#isOver) return
    const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
      if (this.#sockets.size >= limits.punchCandidates) {
        socket.destroy()
        return
      }
      this.#watch(socket)
      void this.#ask(socket)
    })
    // without it a side is missed that comes from an unexpected port, and nothing else
    server.on('error', () => {})
    const isIpv6 = isIP(this.#init.remote.host) === 6
    server.listen({ port: this.#init.localPort, host: isIpv6 ? '::' : '0.0.0.0', ipv6Only: isIpv6, exclusive: true })
    this.#server = server
  }

  #stopListening(): void {
    this.#server?.close()
    this.#server = undefined
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', ({ message }) => {
      this.#lastError = message
    })
    socket.once('close', () => this.#sockets.delete(socket))
  }

  async #ask(socket: Socket): Promise<void> {
    const { prove, tokens, signal } = this.#init
    try {
      await prove(socket, tokens, signal)
      this.#done.resolve(socket)
    } catch (err) {
      if (err instanceof Error) this.#lastError = err.message
      socket.destroy()
    }
  }
}

/**
 * Opens a socket to a side that does the same at the same time.
 * @throws MeshError PUNCH_FAILED when its signal ends it
 */
export const openSimultaneously = async (init: SimultaneousOpenInit): Promise<Socket> =>
  new SimultaneousOpen(init).run()
