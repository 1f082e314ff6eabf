import { limits, MeshError } from '@agent-mesh/wire'
import type { Connection } from '@libp2p/interface'

/** Where a connection stands. A stranger that joins has more time, but gets nothing else and has to come again. */
export type VisitState =
  | { is: 'waiting' }
  | { is: 'joining' }
  | { is: 'joined' }
  | { is: 'admitted' }
  | { is: 'refused'; error: MeshError }

export type VisitEvent = 'joinBegins' | 'joinEnds' | 'admit' | MeshError

/** The next state, or undefined where the event does not fit. An admitted connection ends by being refused. */
export const nextVisitState = (state: VisitState, event: VisitEvent): VisitState | undefined => {
  if (state.is === 'refused') return undefined
  switch (event) {
    case 'joinBegins':
      return state.is === 'waiting' ? { is: 'joining' } : undefined
    case 'joinEnds':
      return state.is === 'joining' ? { is: 'joined' } : undefined
    case 'admit':
      return state.is === 'waiting' ? { is: 'admitted' } : undefined
    default:
      return { is: 'refused', error: event }
  }
}

/** How often the streams of a connection without hello are counted. */
const streamCheckMs = 100
/** A joiner has this long to read its answer. */
const leaveAfterJoinMs = 1_000

export interface VisitInit {
  connection: Connection
  /** The time is over, or the connection opened too many streams; the visit is refused by then. */
  onOverdue: (visit: Visit, error: MeshError) => void
  helloTimeoutMs?: number
}

/** One connection from its opening to its end, with the deadline until it is admitted. */
export class Visit {
  readonly connection: Connection
  #state: VisitState = { is: 'waiting' }
  readonly #outcome = Promise.withResolvers<void>()
  readonly #ended = new AbortController()
  readonly #onOverdue: VisitInit['onOverdue']
  readonly #streamCheck: NodeJS.Timeout
  #deadline: NodeJS.Timeout

  constructor({ connection, onOverdue, helloTimeoutMs = limits.helloTimeoutMs }: VisitInit) {
    this.connection = connection
    this.#onOverdue = onOverdue
    this.#outcome.promise.catch(() => {}) // whoever waits gets it; nobody has to wait
    this.#deadline = this.#endAfter(helloTimeoutMs)
    this.#streamCheck = setInterval(() => this.#countStreams(), streamCheckMs).unref()
  }

  get state(): VisitState {
    return this.#state
  }

  /** Aborted when the visit is refused; the reason is the error. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  /** Resolves on admission, rejects on refusal. */
  get outcome(): Promise<void> {
    return this.#outcome.promise
  }

  get isPending(): boolean {
    return this.#state.is !== 'admitted' && this.#state.is !== 'refused'
  }

  /** @returns false where the connection was refused, or is there for a join */
  admit(): boolean {
    if (!this.#step('admit')) return false
    this.#stopTimers()
    this.#outcome.resolve()
    return true
  }

  /** @returns false where it was refused before */
  refuse(error: MeshError): boolean {
    if (!this.#step(error)) return false
    this.#stopTimers()
    this.#outcome.reject(error)
    this.#ended.abort(error)
    return true
  }

  /**
   * A well-formed join was read: its answer may take longer than a hello. One join for each connection.
   * @throws MeshError RATE_LIMITED
   */
  beginJoin(): void {
    if (!this.#step('joinBegins')) throw new MeshError('RATE_LIMITED', 'A connection is good for one join.')
    clearTimeout(this.#deadline)
    this.#deadline = this.#endAfter(limits.joinTimeoutMs)
  }

  endJoin(): void {
    if (!this.#step('joinEnds')) return
    clearTimeout(this.#deadline)
    this.#deadline = this.#endAfter(leaveAfterJoinMs)
  }

  #step(event: VisitEvent): boolean {
    const next = nextVisitState(this.#state, event)
    if (next !== undefined) this.#state = next
    return next !== undefined
  }

  #endAfter(timeoutMs: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#end(
        new MeshError(
          'HELLO_TIMEOUT',
          `${this.connection.remotePeer.toString()} said no valid hello within ${timeoutMs} ms.`
        )
      )
    }, timeoutMs).unref()
  }

  #countStreams(): void {
    const { length } = this.connection.streams
    if (length <= limits.strangerStreams) return
    this.#end(
      new MeshError(
        'LIMIT_EXCEEDED',
        `${this.connection.remotePeer.toString()} opened ${length} streams before its hello.`
      )
    )
  }

  #end(error: MeshError): void {
    if (this.refuse(error)) this.#onOverdue(this, error)
  }

  #stopTimers(): void {
    clearTimeout(this.#deadline)
    clearInterval(this.#streamCheck)
  }
}
