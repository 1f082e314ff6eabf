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
  /** By peer id and serial of a certificate, or by peer id where none was seen. */
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

  /** The newest certificate of each peer that is remembered, also of those that count no more. */
  remembered(): Membership[] {
    return [...this.#memberships.values()]
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
    const expelled = membership === undefined ? undefined : this.#expelled.get(certificateOf(membership))
    return expelled ?? this.#expelled.get(peer.toString()) ?? this.#init.isDenied(peer, membership)
  }

  /** A peer is admitted with this membership; what was held against it is forgotten. */
  admit(membership: Membership): void {
    const peer = membership.peerId.toString()
    this.#memberships.set(peer, membership)
    this.#refusals.forget(peer)
  }

  /**
   * Takes note of a certificate that was issued later than the one that was known, or that holds where that one does not.
   * @returns whether it was news
   */
  learn(membership: Membership): boolean {
    const { peerId } = membership
    if (this.isOver(membership) || this.deny(peerId, membership) !== undefined) return false
    const known = this.membership(peerId)
    const holds = known !== undefined && !this.isOver(known) && this.deny(peerId, known) === undefined
    if (holds && !isLater(membership, known)) return false
    this.#memberships.set(membership.peerId.toString(), membership)
    return true
  }

  expel(peer: PeerId, code: ErrorCode): MeshError {
    const membership = this.membership(peer)
    this.#expelled.set(membership === undefined ? peer.toString() : certificateOf(membership), code)
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

  /** Why a peer is not dialled at the moment: for good as long as its certificate is the one that is known, or a while. */
  refusal(peer: PeerId): MeshError | undefined {
    if (this.deny(peer, this.membership(peer)) === 'REVOKED') {
      return new MeshError('REVOKED', `The certificate of ${peer.toString()} was revoked.`)
    }
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

/** A serial is the choice of whoever issues, so it names a certificate of one peer alone. */
const certificateOf = ({ peerId, serial }: Membership): string => `${peerId.toString()} ${serial}`

const isLater = (a: Membership, b: Membership): boolean =>
  a.issuedMs === b.issuedMs ? a.notAfterMs > b.notAfterMs : a.issuedMs > b.issuedMs

const passing = new Set<ErrorCode>(['CONNECTION_LOST', 'HELLO_TIMEOUT', 'SHUTTING_DOWN', 'INTERNAL'])
