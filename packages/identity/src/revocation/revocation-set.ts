import { createHash } from 'node:crypto'
import { limits, MeshError } from '@agent-mesh/wire'
import { openRevocation, revocationId, revokerRights, type VerifiedRevocation } from './revocation.ts'
import type { PeerId, PublicKey } from '@libp2p/interface'
import type { Membership } from '../certificate.ts'

/** What a revocation is compared with: who somebody is, and by whose word. */
export type Revocable = Pick<Membership, 'peerId' | 'serial' | 'issuedMs' | 'issuer' | 'delegate'>

/**
 * Revocations that are merged by union: whatever comes in whatever order, on whatever side of a partition, two sets
 * that were given the same hold the same.
 */
export interface RevocationSet {
  /**
   * Verifies one and takes it over.
   * @returns false where it is held, has ended, or stronger ones fill its place
   * @throws MeshError REVOCATION_INVALID, NETWORK_FOREIGN
   */
  accept: (bytes: Uint8Array) => Promise<boolean>
  /** As many as verify. @returns how many were taken over */
  union: (items: Iterable<Uint8Array>) => Promise<number>
  /** SHA-256 over the sorted ids. */
  digest: () => Uint8Array
  /** SHA-256 of each that is held, sorted. */
  ids: () => Uint8Array[]
  get: (id: Uint8Array) => Uint8Array | undefined
  /** Drops what has ended. @returns whether anything did */
  prune: () => boolean
  isRevoked: (membership: Revocable) => boolean
  /** The strongest revocation that hits a certificate. */
  find: (membership: Revocable) => VerifiedRevocation | undefined
  /** Who goes on in the place of a peer, through as many changes of keys as there were. */
  successorOf: (peer: PeerId) => PeerId | undefined
  /** The last instant at which certificates of the peer began that are revoked; 0 where none are. */
  revokedUpToMs: (peer: PeerId) => number
  list: () => VerifiedRevocation[]
}

export interface RevocationSetInit {
  networkKey: PublicKey
  /** Milliseconds since 1970. */
  now: () => number
  /** Default: `limits.revocations`. */
  most?: number
}

/** Several admins may revoke the same: one that counts is enough, a few survive the revocation of their signers. */
const mostPerTarget = 3
/** A delegate revokes whom it admitted itself, and cannot crowd out others. */
const delegateShare = 16
/** Changes of keys that are followed. */
const mostSuccessions = 32

/**
 * One order for everything that has to give way: by right, then the later one, then the lower hash. Keeping the best
 * few by one total order does not depend on the order of arrival.
 */
const compare = (a: VerifiedRevocation, b: VerifiedRevocation): number =>
  revokerRights.indexOf(a.right) - revokerRights.indexOf(b.right) ||
  b.revokedMs - a.revokedMs ||
  (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

interface Held {
  one: VerifiedRevocation
  /** Those that revoke the same by the same kind of right compete. */
  target: string
  /** Of a delegate: its own revocations compete with each other. */
  share: string
}

const heldOf = (one: VerifiedRevocation): Held => {
  const share = one.right === 'delegate' ? one.signer.toString() : ''
  return { one, share, target: `${share} ${one.peerId.toString()} ${one.serial ?? ''}` }
}

const hits = (one: VerifiedRevocation, peer: PeerId, serial: string | undefined, issuedMs: number): boolean =>
  one.peerId.equals(peer) && (one.serial === undefined ? issuedMs <= one.revokedMs : one.serial === serial)

interface Index {
  byPeer: Map<string, VerifiedRevocation[]>
  sortedIds: string[]
  digest: Uint8Array
}

/** A delegate speaks of those alone whom it admitted. */
const bites = (one: VerifiedRevocation, issuer: PeerId): boolean =>
  one.right !== 'delegate' || one.signer.equals(issuer)

/** By the word of a delegate that is revoked itself, whatever certificate of it was put beside. */
const cascades = (one: VerifiedRevocation, { issuer, issuedMs, delegate }: Revocable): boolean => {
  if (delegate === undefined || one.right === 'delegate') return false
  const isEarlier = issuedMs <= one.revokedMs
  const isHit = hits(one, issuer, delegate.serial, delegate.issuedMs)
  // an orderly change of keys: whom the old one admitted stays, and it admits nobody after it
  return one.succession === undefined ? isEarlier || isHit : !isEarlier && isHit
}

/** What the root revoked before it signed: an admin that was put out cannot go on putting others out. */
const isVoid = ({ signerMembership, revokedMs }: VerifiedRevocation, byRoot: VerifiedRevocation[]): boolean => {
  if (signerMembership === undefined) return false
  const { peerId, serial, issuedMs } = signerMembership
  return byRoot.some((root) => root.revokedMs < revokedMs && hits(root, peerId, serial, issuedMs))
}

export const createRevocationSet = ({
  networkKey,
  now,
  most = limits.revocations
}: RevocationSetInit): RevocationSet => {
  const held = new Map<string, Held>()
  const targets = new Map<string, Set<Held>>()
  const shares = new Map<string, Set<Held>>()
  let index: Index | undefined

  const isOver = ({ untilMs }: VerifiedRevocation): boolean => untilMs + limits.clockToleranceMs < now()

  const remove = (entry: Held): void => {
    held.delete(entry.one.id)
    for (const [groups, key] of [[targets, entry.target] as const, [shares, entry.share] as const]) {
      const group = groups.get(key)
      group?.delete(entry)
      if (group?.size === 0) groups.delete(key)
    }
    index = undefined
  }

  const put = (entry: Held): void => {
    held.set(entry.one.id, entry)
    for (const [groups, key] of [[targets, entry.target] as const, [shares, entry.share] as const]) {
      const group = groups.get(key) ?? new Set()
      groups.set(key, group.add(entry))
    }
    index = undefined
  }

  const build = (): Index => {
    const all = [...held.values()].map(({ one }) => one)
    const byRoot = Map.groupBy(
      all.filter(({ right }) => right === 'root'),
      ({ peerId }) => peerId.toString()
    )
    const inForce = all.filter((one) => !isVoid(one, byRoot.get(one.signer.toString()) ?? []))
    const byPeer = Map.groupBy(inForce.toSorted(compare), ({ peerId }) => peerId.toString())
    const sortedIds = [...held.keys()].toSorted()
    const hash = createHash('sha256')
    for (const id of sortedIds) hash.update(id, 'hex')
    return { byPeer, sortedIds, digest: new Uint8Array(hash.digest()) }
  }

  const indexed = (): Index => {
    index ??= build()
    return index
  }

  const about = (peer: PeerId): VerifiedRevocation[] => indexed().byPeer.get(peer.toString()) ?? []

  /** One more than there may be among these: the weakest gives way. */
  const trim = (rivals: Iterable<Held>): void => {
    let weakest: Held | undefined
    for (const rival of rivals) {
      if (weakest === undefined || compare(weakest.one, rival.one) < 0) weakest = rival
    }
    if (weakest !== undefined) remove(weakest)
  }

  const makeRoom = ({ target, share }: Held): void => {
    const ofTarget = targets.get(target) ?? new Set()
    if (ofTarget.size > mostPerTarget) trim(ofTarget)
    const ofShare = shares.get(share) ?? new Set()
    if (share !== '' && ofShare.size > Math.max(1, Math.floor(most / delegateShare))) trim(ofShare)
    if (held.size > most) trim(held.values())
  }

  const accept = async (bytes: Uint8Array): Promise<boolean> => {
    if (bytes.length <= limits.revocationBytes && held.has(revocationId(bytes))) return false
    const one = await openRevocation(bytes, { networkKey, nowMs: now() })
    if (isOver(one) || held.has(one.id)) return false
    const entry = heldOf(one)
    put(entry)
    makeRoom(entry)
    return held.has(one.id)
  }

  const find = (membership: Revocable): VerifiedRevocation | undefined => {
    const { peerId, serial, issuedMs, issuer } = membership
    return (
      about(peerId).find((one) => bites(one, issuer) && hits(one, peerId, serial, issuedMs)) ??
      about(issuer).find((one) => cascades(one, membership))
    )
  }

  return {
    accept,
    union: async (items) => {
      let count = 0
      for (const item of items) {
        const isNew = await accept(item).catch((err: unknown) => {
          if (err instanceof MeshError) return false
          throw err
        })
        if (isNew) count++
      }
      return count
    },
    digest: () => indexed().digest.slice(),
    ids: () => indexed().sortedIds.map((id) => new Uint8Array(Buffer.from(id, 'hex'))),
    get: (id) => held.get(Buffer.from(id).toString('hex'))?.one.bytes,
    prune: () => {
      const over = [...held.values()].filter(({ one }) => isOver(one))
      for (const entry of over) remove(entry)
      return over.length > 0
    },
    isRevoked: (membership) => find(membership) !== undefined,
    find,
    successorOf: (peer) => {
      let last: PeerId | undefined
      const seen = new Set([peer.toString()])
      for (let step = about(peer), left = mostSuccessions; left > 0; left--) {
        const next = step.find(({ succession }) => succession !== undefined)?.succession?.newPeer
        if (next === undefined || seen.has(next.toString())) break
        seen.add(next.toString())
        last = next
        step = about(next)
      }
      return last
    },
    revokedUpToMs: (peer) => Math.max(0, ...about(peer).map(({ revokedMs }) => revokedMs)),
    list: () => [...held.values()].map(({ one }) => one).toSorted(compare)
  }
}
