import { toMeshError, type ErrorCode } from '@agent-mesh/wire'
import { pathClassOf, type PathClass } from '../routing/path-class.ts'
import type { Connection, PeerId } from '@libp2p/interface'
import type { AttemptKind } from './attempt.ts'
import { isUnsupported, type Echoes } from './echoes.ts'
import { PathPlan, type PathAction, type PathEvent, type PathPlanInit } from './path-plan.ts'

export interface PeerPathsInit {
  peer: PeerId
  plan: PathPlanInit
  echoes: Pick<Echoes, 'ask'>
  attempt: (kind: AttemptKind) => Promise<Connection>
  /** Payload of the tunnels with the peer since the start. */
  traffic: () => { bytesIn?: number | undefined; bytesOut?: number | undefined }
  /** Of the streams that carry tunnels. */
  tunnelProtocol: string
  now: () => number
  /** An echo on one of its connections stays away. */
  onDoubted: () => void
  onPreferred: (path: PathClass | undefined, before: PathClass | undefined) => void
  onClose: (connection: Connection, why: 'zombie' | 'superseded') => void
  onAttempt: (kind: AttemptKind, code: ErrorCode | undefined) => void
}

/** Echoes that fail in a row on an open connection before the other side is taken for one without. */
const mostFailures = 5
const again = 500

/** Carries out what the plan of one peer wants. */
export class PeerPaths {
  readonly #init: PeerPathsInit
  readonly #plan: PathPlan
  readonly #connections = new Map<string, Connection>()
  #timer: NodeJS.Timeout | undefined
  #seen = { bytesIn: 0, bytesOut: 0 }
  #isStopped = false

  constructor(init: PeerPathsInit) {
    this.#init = init
    this.#plan = new PathPlan(init.plan)
  }

  get isOver(): boolean {
    return this.#plan.isOver
  }

  opened(connection: Connection): void {
    if (this.#connections.has(connection.id) || connection.status !== 'open') return
    this.#connections.set(connection.id, connection)
    this.feed({ is: 'opened', id: connection.id, path: pathClassOf(connection) })
  }

  closed(connection: Connection): void {
    if (this.#connections.delete(connection.id)) this.feed({ is: 'closed', id: connection.id })
  }

  feed(event: PathEvent): void {
    if (this.#isStopped) return
    this.#act(this.#plan.handle(event, this.#init.now()))
    this.#arm()
  }

  /** The connection for the next tunnel. */
  chosen(): Connection | undefined {
    const { id } = this.#plan.standing(this.#init.now())
    const connection = id === undefined ? undefined : this.#connections.get(id)
    return connection?.status === 'open' ? connection : undefined
  }

  standing(): { path?: PathClass; reason?: string } {
    return this.#plan.standing(this.#init.now())
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const { nextAtMs } = this.#plan
    if (nextAtMs === Infinity || this.#isStopped) return
    const delayMs = Math.min(2 ** 31 - 1, Math.max(1, Math.ceil(nextAtMs - this.#init.now())))
    this.#timer = setTimeout(() => this.#tick(), delayMs).unref()
  }

  #tick(): void {
    this.#look()
    this.#act(this.#plan.tick(this.#init.now()))
    this.#arm()
  }

  /** What runs on each connection. */
  #look(): void {
    const busy = [...this.#connections.values()].map((connection) => ({
      connection,
      tunnels: this.#tunnelsOn(connection)
    }))
    const nowMs = this.#init.now()
    const { bytesIn = 0, bytesOut = 0 } = this.#init.traffic()
    const { id: preferred } = this.#plan.standing(nowMs)
    for (const { connection, tunnels } of busy) {
      this.#act(this.#plan.handle({ is: 'busy', id: connection.id, tunnels }, nowMs))
      // On one that was left already, what goes out counts as well: its credits come from the other side.
      const isMoving = bytesIn > this.#seen.bytesIn || (connection.id !== preferred && bytesOut > this.#seen.bytesOut)
      const isOnly = tunnels > 0 && busy.every((one) => one.connection === connection || one.tunnels === 0)
      if (isMoving && isOnly) this.#act(this.#plan.handle({ is: 'heard', id: connection.id }, nowMs))
    }
    this.#seen = { bytesIn, bytesOut }
  }

  #tunnelsOn({ streams }: Connection): number {
    return streams.filter(({ protocol }) => protocol === this.#init.tunnelProtocol).length
  }

  #act(actions: PathAction[]): void {
    for (const action of actions) {
      switch (action.do) {
        case 'echo':
          void this.#echo(action.id, action.sequence)
          break
        case 'attempt':
          void this.#attempt(action.kind)
          break
        case 'close':
          this.#close(action.id, action.why)
          break
        case 'doubted':
          this.#init.onDoubted()
          break
        case 'preferred':
          this.#init.onPreferred(action.path, action.before)
      }
    }
  }

  async #echo(id: string, sequence: number): Promise<void> {
    for (let failures = 0; failures < mostFailures; failures++) {
      const connection = this.#connections.get(id)
      if (connection?.status !== 'open' || this.#isStopped) return
      try {
        await this.#init.echoes.ask(connection)
        this.feed({ is: 'answered', id, sequence })
        return
      } catch (err) {
        if (isUnsupported(err)) break
        await new Promise<void>((resolve) => {
          setTimeout(resolve, again).unref()
        })
      }
    }
    this.feed({ is: 'mute', id })
  }

  async #attempt(kind: AttemptKind): Promise<void> {
    try {
      this.opened(await this.#init.attempt(kind))
      this.#init.onAttempt(kind, undefined)
      this.feed({ is: 'attempt-ended', kind })
    } catch (err) {
      const { code } = toMeshError(err, 'UNREACHABLE')
      this.#init.onAttempt(kind, code)
      this.feed({ is: 'attempt-ended', kind, code })
    }
  }

  #close(id: string, why: 'zombie' | 'superseded'): void {
    const connection = this.#connections.get(id)
    this.#connections.delete(id)
    if (connection !== undefined) this.#init.onClose(connection, why)
  }
}
