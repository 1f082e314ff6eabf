import { createServer, type Socket } from 'node:net'
import { formatTarget, limits, MeshError, toMeshError, type ErrorCode, type Target } from '@agent-mesh/wire'
import type { OnDataPlaneEvent } from '../events.ts'
import { resetLocal, splice } from '../tunnel/splice.ts'
import { socketOptions } from '../upstream/connect.ts'
import type { ListenAddress } from './listen-address.ts'
import { Listener } from './listen.ts'
import { laterFrom, readBuffered } from './local-client.ts'
import type { OpenTarget } from './open-target.ts'

export interface ForwardInit {
  id: string
  listen: ListenAddress
  target: Target
  openTarget: OpenTarget
  onEvent?: OnDataPlaneEvent | undefined
  /** Milliseconds since 1970. */
  wallClock?: (() => number) | undefined
}

export interface ForwardStatus {
  id: string
  /** The address that is bound, with the port that was chosen. */
  listen: string
  target: string
  /** Local connections that have a tunnel. */
  openTunnels: number
  totalTunnels: number
  /** Local connections that got none and were reset. */
  failedTunnels: number
  /** Why a connection got no tunnel, or why the last tunnel that failed ended early. */
  lastError?: { code: ErrorCode; message: string; atMs: number }
}

/**
 * A local door to a target: every connection to the address becomes a tunnel. A connection that gets none is reset, so
 * that its client never takes the failure for an empty answer.
 */
export class Forward {
  readonly id: string
  readonly target: Target
  readonly #init: ForwardInit
  readonly #listener: Listener
  #connections = 0
  #openTunnels = 0
  #totalTunnels = 0
  #failedTunnels = 0
  #lastError: ForwardStatus['lastError']

  private constructor(init: ForwardInit) {
    this.id = init.id
    this.target = init.target
    this.#init = init
    // The socket is read at once, up to its buffer: what a client says first can travel with the open, and a client that
    // hangs up is noticed while the target is still being reached.
    const server = createServer({ ...socketOptions, noDelay: true }, (socket) => {
      void this.#accept(socket)
    })
    this.#listener = new Listener(server, init.listen)
  }

  /** @throws MeshError ADDRESS_IN_USE, ADDRESS_INVALID */
  static async listen(init: ForwardInit): Promise<Forward> {
    const forward = new Forward(init)
    await forward.#listener.open((error) => forward.#failed(error))
    forward.#emit('forward:listening')
    return forward
  }

  /** The address that is bound, as text. */
  get listenText(): string {
    return this.#listener.text
  }

  get status(): ForwardStatus {
    return {
      id: this.id,
      listen: this.listenText,
      target: formatTarget(this.target),
      openTunnels: this.#openTunnels,
      totalTunnels: this.#totalTunnels,
      failedTunnels: this.#failedTunnels,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError })
    }
  }

  /** Closes the door and gives up what is still being opened. Tunnels that are open go on to their own end. */
  close(): void {
    if (this.#listener.close('forward')) this.#emit('forward:closed')
  }

  /** One local connection: resolve and open, then splice. Never rejects. */
  async #accept(local: Socket): Promise<void> {
    local.on('error', () => {})
    const wait = this.#listener.waitFor(local)
    this.#connections += 1
    try {
      if (this.#connections > limits.tunnelsPerPeer) {
        throw new MeshError(
          'LIMIT_EXCEEDED',
          `${limits.tunnelsPerPeer} connections to ${this.listenText} are open; that is the limit.`
        )
      }
      const { tunnel } = await this.#init.openTarget(this.target, {
        signal: wait.signal,
        early: () => readBuffered(local),
        later: laterFrom(local)
      })
      wait.done()
      this.#totalTunnels += 1
      this.#openTunnels += 1
      const { error, failedSide } = await splice(tunnel, local)
      this.#openTunnels -= 1
      if (error !== undefined && failedSide === 'tunnel') this.#note(error)
    } catch (err) {
      resetLocal(local)
      this.#failed(toMeshError(err))
    } finally {
      wait.done()
      this.#connections -= 1
    }
  }

  #failed(error: MeshError): void {
    if (error.code === 'CANCELLED') return
    this.#failedTunnels += 1
    this.#note(error)
    const { id, listenText, target } = this
    this.#init.onEvent?.({
      event: 'forward:failed',
      id,
      listen: listenText,
      target: formatTarget(target),
      code: error.code,
      message: error.message
    })
  }

  #note(error: MeshError): void {
    this.#lastError = { code: error.code, message: error.message, atMs: (this.#init.wallClock ?? Date.now)() }
  }

  #emit(event: 'forward:listening' | 'forward:closed'): void {
    this.#init.onEvent?.({ event, id: this.id, listen: this.listenText, target: formatTarget(this.target) })
  }
}
