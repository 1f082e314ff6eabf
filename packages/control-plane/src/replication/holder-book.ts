import { limits, type SyncState } from '@agent-mesh/wire'
import type { PeerId } from '@libp2p/interface'
import type { Holder } from './interface.ts'

type KnownState = Omit<Holder, 'peer' | 'metMs'>

interface Entry {
  peer: PeerId
  states: Map<string, KnownState>
  metMs: number
  /** When anything was heard of the peer. */
  heardMs: number
}

export interface HolderBookInit {
  /** Milliseconds since 1970. */
  now: () => number
  /** Kinds that are kept; others are not looked at. */
  isKept: (kind: string) => boolean
  isHere: (peer: PeerId) => boolean
}

/** A member that is not here any more, and was not heard of, is left out after a day. */
const forgetMs = 24 * 3_600_000

/** What each member was last known to hold. */
export class HolderBook {
  readonly #init: HolderBookInit
  /** The one that was heard of longest ago comes first. */
  readonly #entries = new Map<string, Entry>()

  constructor(init: HolderBookInit) {
    this.#init = init
  }

  note(peer: PeerId, heard: readonly SyncState[]): void {
    const key = peer.toString()
    const heardMs = this.#init.now()
    const known = this.#entries.get(key)
    const states: Entry['states'] = known?.states ?? new Map()
    const metMs = known?.metMs ?? heardMs
    for (const { kind, digest, version, ageMs } of heard) {
      if (!this.#init.isKept(kind)) continue
      const before = states.get(kind)
      const sinceMs = heardMs - Math.min(ageMs, heardMs)
      // a copy: what arrives is a view of a larger buffer
      if (before === undefined || Buffer.compare(before.digest, digest) !== 0)
        states.set(kind, { digest: Uint8Array.from(digest), version, sinceMs })
      // ages do not count how long they were on their way, so the earliest is the nearest
      else before.sinceMs = Math.min(before.sinceMs, sinceMs)
    }
    this.#entries.delete(key)
    this.#entries.set(key, { peer, states, metMs, heardMs })
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > limits.membersRemembered && oldest !== undefined) this.#entries.delete(oldest)
  }

  /** Last known states of a peer. */
  states(peer: string): SyncState[] {
    const states = this.#entries.get(peer)?.states ?? new Map<string, KnownState>()
    return [...states].map(([kind, { digest, version }]) => ({
      kind,
      digest: Uint8Array.from(digest),
      version,
      ageMs: 0
    }))
  }

  /** Members of which anything is known. */
  get size(): number {
    return this.#entries.size
  }

  holders(kind: string): Holder[] {
    const nowMs = this.#init.now()
    const found: Holder[] = []
    for (const [key, { peer, states, metMs, heardMs }] of this.#entries) {
      const state = states.get(kind)
      if (nowMs - heardMs > forgetMs && !this.#init.isHere(peer)) this.#entries.delete(key)
      else if (state !== undefined) found.push({ peer, metMs, ...state })
    }
    return found
  }
}
