import { limits, MeshError, type ErrorCode } from '@agent-mesh/wire'
import { BoundedMap } from './bounded-map.ts'
import { RefusalMemory } from './refusal-memory.ts'
import type { PeerId } from '@libp2p/interface'
import type { Membership } from '@agent-mesh/identity'

export interface MemberBookInit {
  self: PeerId
  now: () => number
  /** Decides beyond the certificates; `undefined` lets in. */
  isDenied: (peer: PeerId, membership: Membership | undefined) => ErrorCode | undefined
  /** Peers that are never forgotten for want of room. */
  isPresent: (peer: string) => boolean
}

/** What this node remembers of peers: their certificates, who was expelled, and who is left alone for a while. */
export class MemberBook {
  readonly #init: MemberBookInit
  readonly #memberships: BoundedMap<string, Membership>
  /** By serial of a certificate, or by peer id where none was seen. */
  readonly #expelled = new BoundedMap<string, ErrorCode>(limits.membersRemembered)
  readonly #refusals: RefusalMemory

  constructor(init: MemberBookInit) {
    this.#init = init
    this.#memberships = new BoundedMap(limits.membersRemembered, init.isPresent)
    this.#refusals = new RefusalMemory({ now: init.now })
  }

  membership(peer: PeerId): Membership | undefined {
    return this.#memberships.get(peer.toString())
  }

  /** Oneself, or a peer that has shown a certificate that still holds. */
  knows(peer: PeerId): boolean {
    if (this.#init.self.equals(peer)) return true
    const membership = this.membership(peer)
    return membership !== undefined && !this.isOver(membership) && this.deny(peer, membership) === undefined
  }

  /** The certificate is past its end, with the tolerance that clocks get. */
  isOver({ notAfterMs }: Membership): boolean {
    return notAfterMs + limits.clockToleranceMs < this.#init.now()
  }

  /** The code with which a member is refused though its certificates verify. */
  deny(peer: PeerId, membership: Membership | undefined): ErrorCode | undefined {
    const expelled = membership === undefined ? undefined : this.#expelled.get(membership.serial)
    return expelled ?? this.#expelled.get(peer.toString()) ?? this.#init.isDenied(peer, membership)
  }

  /** A peer is admitted with this membership; what was held against it is forgotten. */
  admit(membership: Membership): void {
    const peer = membership.peerId.toString()
    this.#memberships.set(peer, membership)
    this.#refusals.forget(peer)
  }

  /** @returns whether this membership lasts longer than the one that was known */
  learn(membership: Membership): boolean {
    const known = this.membership(membership.peerId)
    if (known !== undefined && known.notAfterMs >= membership.notAfterMs) return false
    this.#memberships.set(membership.peerId.toString(), membership)
    return true
  }

  expel(peer: PeerId, code: ErrorCode): MeshError {
    this.#expelled.set(this.membership(peer)?.serial ?? peer.toString(), code)
    const error = new MeshError(code, `${peer.toString()} was expelled.`)
    this.refused(peer, error)
    return error
  }

  /** Notes that a peer refused us, or we it. A connection that broke, or a peer that was slow, says nothing of the peer. */
  refused(peer: PeerId, error: MeshError): void {
    if (passing.has(error.code)) return
    const { retryAfterMs } = error.details
    this.#refusals.note(peer.toString(), error.code, error.message, typeof retryAfterMs === 'number' ? retryAfterMs : 0)
  }

  /** Why a peer is not dialled at the moment. */
  refusal(peer: PeerId): MeshError | undefined {
    const refusal = this.#refusals.get(peer.toString())
    if (refusal === undefined) return undefined
    const { code, reason, times, untilMs } = refusal
    const retryAfterMs = untilMs - this.#init.now()
    return new MeshError(
      'REFUSED_EARLIER',
      `${peer.toString()} is left alone for ${Math.ceil(retryAfterMs / 1000)} s: ${reason}`,
      {
        details: { code, retryAfterMs, times }
      }
    )
  }

  forgetRefusals(): void {
    this.#refusals.clear()
  }
}

const passing = new Set<ErrorCode>(['CONNECTION_LOST', 'HELLO_TIMEOUT', 'SHUTTING_DOWN', 'INTERNAL'])
