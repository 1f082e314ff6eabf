import type { ErrorCode, MeshError } from '@agent-mesh/wire'
import type { OnDataPlaneEvent } from '../events.ts'
import type { FindDestination } from './destination.ts'
import type { Hedge } from './http/failover/hedge.ts'
import type { ListenAddress } from './listen-address.ts'
import type { OpenDestination } from './open-destination.ts'
import type { ListCandidates } from './open-target.ts'

export type ProxyKind = 'socks' | 'http' | 'dns'

export interface ProxyInit {
  id: string
  kind: ProxyKind
  listen: ListenAddress
  suffix: string
  findDestination: FindDestination
  openDestination: OpenDestination
  candidates: ListCandidates
  /** When a second agent is asked beside a slow one; HTTP alone. */
  hedge?: Hedge | undefined
  onEvent?: OnDataPlaneEvent | undefined
  /** Milliseconds since 1970. */
  wallClock?: (() => number) | undefined
}

export interface ProxyStatus {
  id: string
  kind: ProxyKind
  /** The address that is bound, with the port that was chosen. */
  listen: string
  /** Clients that are connected. */
  openConnections: number
  totalConnections: number
  /** Requests that got no answer from where they wanted to go. */
  failedRequests: number
  lastError?: { code: ErrorCode; message: string; atMs: number }
}

/** A local door through which clients name whom they want. */
export interface Proxy {
  readonly id: string
  readonly listenText: string
  readonly status: ProxyStatus
  /** Closes the door and gives up what is still being opened. Tunnels that are open go on to their own end. */
  close: () => void
}

/** What a proxy counts of itself. */
export class DoorCount {
  open = 0
  total = 0
  failed = 0
  readonly #init: Pick<ProxyInit, 'id' | 'kind' | 'onEvent' | 'wallClock'>
  readonly #listen: () => string
  #lastError: ProxyStatus['lastError']

  constructor(init: Pick<ProxyInit, 'id' | 'kind' | 'onEvent' | 'wallClock'>, listen: () => string) {
    this.#init = init
    this.#listen = listen
  }

  enter(): void {
    this.open += 1
    this.total += 1
  }

  leave(): void {
    this.open -= 1
  }

  /** @param host - as the client named it */
  fail(error: MeshError, host: string): void {
    if (error.code === 'CANCELLED') return
    this.failed += 1
    const { code, message } = error
    this.#lastError = { code, message, atMs: (this.#init.wallClock ?? Date.now)() }
    const { id, kind, onEvent } = this.#init
    onEvent?.({ event: 'proxy:failed', id, kind, listen: this.#listen(), host: host.slice(0, 253), code, message })
  }

  say(event: 'proxy:listening' | 'proxy:closed'): void {
    const { id, kind, onEvent } = this.#init
    onEvent?.({ event, id, kind, listen: this.#listen() })
  }

  get status(): ProxyStatus {
    const { id, kind } = this.#init
    return {
      id,
      kind,
      listen: this.#listen(),
      openConnections: this.open,
      totalConnections: this.total,
      failedRequests: this.failed,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError })
    }
  }
}
