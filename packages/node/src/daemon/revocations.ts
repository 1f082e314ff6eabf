import { peerIdFromString } from '@libp2p/peer-id'
import { limits, looksLikePeerId, MeshError, quote } from '@agent-mesh/wire'
import {
  openSuccession,
  revokerRight,
  sealRevocation,
  type Membership,
  type VerifiedRevocation,
  type VerifiedSuccession
} from '@agent-mesh/identity'
import { parsePeerId, type RevocationKeeper } from '@agent-mesh/control-plane'
import type { PeerId } from '@libp2p/interface'
import type { RevocationDocument, RevokeRequest } from '@agent-mesh/wire/api'
import type { Credentials } from '../state/credentials.ts'
import type { Issuance } from './issuance.ts'

export interface RevocationsInit {
  credentials: Credentials
  keeper: Pick<RevocationKeeper, 'add' | 'list'>
  issuance: Pick<Issuance, 'issued' | 'live'>
  /** Certificates that were seen: of members that are here, and in records. */
  known: () => Membership[]
  /** The name of a peer, also of one that is gone. */
  nameOf: (peer: PeerId) => string | undefined
  /** Certificates that carry the name, from the whole network. */
  findName: (name: string) => Promise<Membership[]>
  /** Tells the other members. */
  announce: () => void
  now?: () => number
}

interface Target {
  peerId: PeerId
  serial?: string
  notAfterMs?: number
}

/** Who may be revoked by whom, and the list of those that were. */
export class Revocations {
  readonly #init: RevocationsInit
  readonly #now: () => number
  /** The last change of keys: one after the other. */
  #replacing: Promise<void> = Promise.resolve()

  constructor(init: RevocationsInit) {
    this.#init = init
    this.#now = init.now ?? Date.now
  }

  /**
   * Signs, keeps and announces a revocation. Whoever is connected with what it revokes is put out.
   * @throws MeshError NOT_ADMIN, NAME_UNKNOWN, NAME_CONFLICT, NOT_FOUND (serial), USAGE (oneself), STATE_UNREADABLE
   */
  async revoke({ who, reason = '' }: RevokeRequest): Promise<RevocationDocument> {
    const { membership, rootKey } = this.#init.credentials
    if (rootKey === undefined && revokerRight(membership) === undefined)
      throw new MeshError('NOT_ADMIN', `${quote(membership.name)} is no admin of this network.`)
    const target = await this.#find(who)
    if (target.peerId.equals(membership.peerId))
      throw new MeshError('USAGE', 'A node does not revoke itself.', { hint: 'mesh-node network leave' })
    return this.#revoke(target, { reason })
  }

  /**
   * Revokes what a peer had before it changed its key, once: both of its keys ask for it, and who did not hear the answer
   * asks again.
   * @throws MeshError NOT_ADMIN, REVOCATION_INVALID, STATE_UNREADABLE
   */
  async replace(bytes: Uint8Array): Promise<void> {
    const { networkKey } = this.#init.credentials
    const succession = await openSuccession(bytes, { networkKey, nowMs: this.#now() })
    const revokeOnce = async (): Promise<void> => {
      if (this.isReplaced(succession)) return
      await this.#revoke({ peerId: succession.oldPeer }, { reason: 'its key was changed', succession: bytes })
    }
    const replacing = this.#replacing.then(revokeOnce, revokeOnce)
    this.#replacing = replacing
    await replacing
  }

  /** The old key of a succession is revoked in favour of the new one. */
  isReplaced({ oldPeer, newPeer }: Pick<VerifiedSuccession, 'oldPeer' | 'newPeer'>): boolean {
    return this.#init.keeper
      .list()
      .some((one) => one.peerId.equals(oldPeer) && one.succession?.newPeer.equals(newPeer) === true)
  }

  list(): RevocationDocument[] {
    return this.#init.keeper.list().map((one) => this.#document(one))
  }

  async #revoke(
    { peerId, serial, notAfterMs }: Target,
    { reason, succession }: { reason: string; succession?: Uint8Array }
  ): Promise<RevocationDocument> {
    const { credentials, keeper, announce } = this.#init
    const { networkKey, rootKey, key, membership } = credentials
    this.#checkRight(peerId)
    const revokedMs = this.#now()
    const latestMs = revokedMs + limits.certificateLifetimeMs
    const bytes = await sealRevocation(
      {
        networkKey,
        peerId,
        revokedMs,
        reason,
        untilMs: Math.max(revokedMs, Math.min(latestMs, notAfterMs ?? latestMs)),
        ...(serial === undefined ? {} : { serial }),
        ...(succession === undefined ? {} : { succession })
      },
      rootKey ?? key,
      rootKey === undefined ? membership.chain : []
    )
    try {
      await keeper.add(bytes)
    } finally {
      announce() // it holds, though it may not have been written
    }
    const made = keeper.list().find((one) => one.peerId.equals(peerId) && one.revokedMs === revokedMs)
    if (made === undefined) throw new MeshError('INTERNAL', `The revocation of ${peerId.toString()} was not kept.`)
    return this.#document(made)
  }

  #checkRight(peerId: PeerId): void {
    const { credentials, issuance } = this.#init
    const { membership, rootKey } = credentials
    if (rootKey !== undefined) return
    const right = revokerRight(membership)
    if (right === 'admin') return
    const isOwn =
      this.#known().some((one) => one.peerId.equals(peerId) && one.issuer.equals(membership.peerId)) ||
      issuance.issued.some((one) => one.peerId === peerId.toString())
    if (right === undefined || !isOwn)
      throw new MeshError('NOT_ADMIN', `${quote(membership.name)} revokes whom it admitted itself, and nobody else.`)
  }

  #known(): Membership[] {
    return [this.#init.credentials.membership, ...this.#init.known()]
  }

  async #find(who: string): Promise<Target> {
    if (looksLikePeerId(who)) return { peerId: parsePeerId(who) }
    if (/^[0-9a-f]{32}$/.test(who)) return this.#findSerial(who)
    const near = [
      ...this.#known()
        .filter(({ name }) => name === who)
        .map(({ peerId }) => peerId.toString()),
      ...this.#init.issuance.live.filter(({ name }) => name === who).map(({ peerId }) => peerId)
    ]
    const holders = new Set(
      near.length > 0 ? near : (await this.#init.findName(who)).map(({ peerId }) => peerId.toString())
    )
    const [first] = holders
    if (first === undefined)
      throw new MeshError('NAME_UNKNOWN', `No member named ${quote(who)} is known.`, {
        hint: 'Name its peer id, or the serial of its certificate.'
      })
    if (holders.size > 1)
      throw new MeshError('NAME_CONFLICT', `${holders.size} peers hold or held the name ${quote(who)}.`, {
        hint: 'Name the one by its peer id.',
        details: { peers: [...holders].slice(0, 8) }
      })
    return { peerId: peerIdFromString(first) }
  }

  #findSerial(serial: string): Target {
    const seen = this.#known().find((one) => one.serial === serial)
    if (seen !== undefined) return { peerId: seen.peerId, serial, notAfterMs: seen.notAfterMs }
    const issued = this.#init.issuance.issued.find((one) => one.serial === serial)
    if (issued !== undefined) return { peerId: peerIdFromString(issued.peerId), serial, notAfterMs: issued.notAfterMs }
    throw new MeshError('NOT_FOUND', `No certificate with the serial ${serial} is known here.`, {
      hint: 'Name the peer id of its member.'
    })
  }

  #document(one: VerifiedRevocation): RevocationDocument {
    const { peerId, serial, revokedMs, untilMs, reason, signer, right, succession } = one
    const name =
      this.#init.nameOf(peerId) ??
      this.#init.issuance.issued.find((issued) => issued.peerId === peerId.toString())?.name
    return {
      peerId: peerId.toString(),
      ...(name === undefined ? {} : { name }),
      ...(serial === undefined ? {} : { serial }),
      reason,
      revoked: new Date(revokedMs).toISOString(),
      until: new Date(untilMs).toISOString(),
      by: signer.toString(),
      right,
      ...(succession === undefined ? {} : { successor: succession.newPeer.toString() })
    }
  }
}
