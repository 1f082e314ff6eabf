import { limits } from '@agent-mesh/wire'
import type { Timers } from '../replication/announcer.ts'
import type { Claim } from './detector/interface.ts'

export interface OutboxInit {
  timers: Timers
  publish: (claims: Claim[]) => void
}

/** How long changes are gathered: a crash is seen by many at once, and 100 ms are promised. */
const gatherMs = 50
/** Between two messages: what others take of one author, with room to spare. */
const pauseMs = 300

/** Changes of states on their way to gossip: those of a moment leave in one message, of one member the last. */
export class Outbox {
  readonly #init: OutboxInit
  readonly #claims = new Map<string, Claim>()
  #cancel: (() => void) | undefined
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(init: OutboxInit) {
    this.#init = init
  }

  add(claim: Claim): void {
    this.#claims.delete(claim.peerId)
    this.#claims.set(claim.peerId, claim)
    this.#arm()
  }

  #arm(): void {
    const { timers } = this.#init
    // a clock that was set back must not silence this node
    const sinceMs = Math.max(0, timers.now() - this.#lastMs)
    this.#cancel ??= timers.setTimeout(() => this.#flush(), Math.max(gatherMs, pauseMs - sinceMs))
  }

  #flush(): void {
    this.#cancel = undefined
    this.#lastMs = this.#init.timers.now()
    const claims = [...this.#claims.values()].slice(0, limits.claimsPerMessage)
    for (const { peerId } of claims) this.#claims.delete(peerId)
    this.#init.publish(claims)
    if (this.#claims.size > 0) this.#arm()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#claims.clear()
  }
}
