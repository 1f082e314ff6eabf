import { limits } from '@agent-mesh/wire'
import type { Timers } from '../replication/announcer.ts'
import type { Claim } from './claim.ts'

export interface OutboxInit {
  timers: Timers
  publish: (claims: Claim[]) => void
}

/** How long changes are gathered: a crash is seen by many at once, and 100 ms are promised. */
const gatherMs = 50

/** Changes of states on their way to gossip: those of a moment leave in one message, of one member the last. */
export class Outbox {
  readonly #init: OutboxInit
  readonly #claims = new Map<string, Claim>()
  #cancel: (() => void) | undefined

  constructor(init: OutboxInit) {
    this.#init = init
  }

  add(claim: Claim): void {
    this.#claims.delete(claim.peerId)
    this.#claims.set(claim.peerId, claim)
    this.#cancel ??= this.#init.timers.setTimeout(() => this.flush(), gatherMs)
  }

  /** What waits for a message of its own; as many as fit in one. */
  take(): Claim[] {
    const claims = [...this.#claims.values()].slice(0, limits.claimsPerMessage)
    for (const { peerId } of claims) this.#claims.delete(peerId)
    if (this.#claims.size === 0) {
      this.#cancel?.()
      this.#cancel = undefined
    }
    return claims
  }

  flush(): void {
    while (this.#claims.size > 0) this.#init.publish(this.take())
    this.stop()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#claims.clear()
  }
}
