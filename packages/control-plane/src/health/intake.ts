import { MeshError, type NetworkId } from '@agent-mesh/wire'
import { readDigest, type SignedDigest } from './digest.ts'
import type { PeerId } from '@libp2p/interface'
import type { DigestBook } from './digest-book.ts'

/** `own`: about this node, newer than what it says itself: from before its clock was set back. */
export type Taken = 'news' | 'stale' | 'skewed' | 'unknown' | 'own'

export interface IntakeInit {
  networkId: NetworkId
  self: string
  book: DigestBook
  ownIncarnation: () => number
  isMember: (peer: string) => boolean
  onNews: (signed: SignedDigest) => void
  /** The incarnation of this node that others hold. */
  onOwn: (incarnation: number, from: string) => void
  /** Verifies the certificates of a member that is not known, and learns them. @throws MeshError CERTIFICATE_*, … */
  introduce: (subject: PeerId, chain: Uint8Array[]) => Promise<void>
  onUnknown: (subject: PeerId) => void
}

/** Takes digests in, from gossip and from neighbours alike: what costs little is looked at before the signature. */
export class Intake {
  readonly #init: IntakeInit

  constructor(init: IntakeInit) {
    this.#init = init
  }

  /**
   * @param from - who brought it
   * @param isGossip - then it is its author's own, and from just now
   * @throws MeshError HEALTH_INVALID, NETWORK_FOREIGN
   */
  async take(
    envelope: Uint8Array,
    from: string,
    { isGossip, chain = [] }: { isGossip: boolean; chain?: Uint8Array[] }
  ): Promise<Taken> {
    const { networkId, self, book, isMember, introduce, onNews, onOwn, onUnknown, ownIncarnation } = this.#init
    const { subject, verify, ...signed } = readDigest(envelope, networkId)
    const { digest } = signed
    if (isGossip && digest.peerId !== from)
      throw new MeshError('HEALTH_INVALID', 'A digest is refused: another member spreads it than its subject.')
    const isOwn = digest.peerId === self
    if (!isOwn && !isMember(digest.peerId) && chain.length > 0) await introduce(subject, chain)
    if (!isOwn && !isMember(digest.peerId)) {
      onUnknown(subject)
      return 'unknown'
    }
    if (isOwn && digest.incarnation <= ownIncarnation()) return 'stale'
    const verdict = book.judge(digest, isGossip && !isOwn)
    if (verdict !== 'news') return verdict
    await verify()
    if (isOwn) {
      onOwn(digest.incarnation, from)
      return 'own'
    }
    // another one may have come meanwhile
    if (book.judge(digest, isGossip) !== 'news') return 'stale'
    book.add(signed)
    onNews(signed)
    return 'news'
  }
}
