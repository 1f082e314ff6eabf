import type { Connection, Logger } from '@libp2p/interface'
import type { Identify } from '@libp2p/identify'

/** Pauses before each attempt. */
const attemptsMs = [0, 250, 1_000, 4_000]

export interface LateIdentifyInit {
  /** Looked up when it is needed: services are built one after the other. */
  identify: () => Identify | undefined
  isAdmitted: (connection: Connection) => boolean
  log: Logger
}

/**
 * Identify, run when a connection is admitted instead of when it opens. libp2p tells its topologies of a peer only
 * after identify, so that nothing hears of a stranger, and a stranger is not told what this node serves.
 */
export class LateIdentify {
  readonly #init: LateIdentifyInit
  readonly #running = new Set<Connection>()
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(init: LateIdentifyInit) {
    this.#init = init
  }

  /** Tries until it has worked once or the connection is gone. */
  run(connection: Connection): void {
    // no topology hears of a peer by a connection whose bytes are counted, and the addresses are in its record
    if (connection.limits !== undefined || this.#running.has(connection)) return
    this.#running.add(connection)
    this.#attempt(connection, 0)
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#running.clear()
  }

  #attempt(connection: Connection, attempt: number): void {
    const pauseMs = attemptsMs[attempt]
    if (pauseMs === undefined) {
      this.#running.delete(connection)
      return
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      void this.#identifyOrRetry(connection, attempt)
    }, pauseMs).unref()
    this.#timers.add(timer)
  }

  async #identifyOrRetry(connection: Connection, attempt: number): Promise<void> {
    const isDone = await this.#identify(connection)
    if (!this.#running.has(connection)) return
    if (isDone) this.#running.delete(connection)
    else this.#attempt(connection, attempt + 1)
  }

  async #identify(connection: Connection): Promise<boolean> {
    const identify = this.#init.identify()
    if (identify === undefined || connection.status !== 'open' || !this.#init.isAdmitted(connection)) return true
    try {
      await identify.identify(connection)
      return true
    } catch (err) {
      this.#init.log('identify of %p failed - %e', connection.remotePeer, err)
      return false
    }
  }
}
