import { limits } from '@agent-mesh/wire'
import { sealDigest, type DigestSigner, type SignedDigest } from './digest.ts'
import type { NeighbourHealth, SelfHealth } from './interface.ts'

export interface OwnDigestInit {
  self: string
  signer: DigestSigner
  /** Milliseconds since 1970. */
  now: () => number
  about: SelfHealth
  /** Of this node at this moment. */
  incarnation: () => number
  /** All neighbours that something is known of; a digest tells of some, and of others the next time. */
  neighbours: () => NeighbourHealth[]
}

/** What this node says of itself, signed, and which of it is newest. */
export class OwnDigest {
  readonly #init: OwnDigestInit
  #sequence = 0
  #turn = 0
  #last: SignedDigest | undefined

  constructor(init: OwnDigestInit) {
    this.#init = init
  }

  /** The one that was signed last. */
  get last(): SignedDigest | undefined {
    return this.#last
  }

  /** For one message more of this node: digests and changes are counted together. */
  nextSequence(): number {
    return ++this.#sequence
  }

  async seal(isLeaving: boolean): Promise<SignedDigest> {
    const { self, signer, now, about, incarnation } = this.#init
    const digest = {
      peerId: self,
      incarnation: incarnation(),
      sequence: this.nextSequence(),
      timeMs: now(),
      load: about.load(),
      services: about.services(),
      neighbours: this.#someNeighbours()
    }
    const signed = await sealDigest(digest, isLeaving, signer)
    if (this.#last === undefined || this.#last.digest.sequence < digest.sequence) this.#last = signed
    return signed
  }

  #someNeighbours(): NeighbourHealth[] {
    const all = this.#init.neighbours()
    const most = limits.neighboursPerDigest
    if (all.length <= most) return all
    const from = this.#turn % all.length
    this.#turn = from + most
    return [...all.slice(from), ...all.slice(0, from)].slice(0, most)
  }
}
