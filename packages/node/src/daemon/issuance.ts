import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id'
import { MeshError, parseName } from '@agent-mesh/wire'
import { createIssuer, verifyChain, type Membership } from '@agent-mesh/identity'
import type { RevocationKeeper } from '@agent-mesh/control-plane'
import type { PeerId } from '@libp2p/interface'
import type { Credentials } from '../state/credentials.ts'
import type { IssuedDocument, StateFiles } from '../state/documents.ts'

/** Issued certificates that are remembered, so that no name is given twice. */
const issuedCertificates = 10_000

export interface IssuanceInit {
  credentials: Credentials
  files: StateFiles
  revocations: Pick<RevocationKeeper, 'isRevoked' | 'revokedUpToMs'>
  /** Peer ids that hold the name in the network at this moment. */
  holdersOf: (name: string) => Promise<PeerId[]>
  now?: () => number
}

export interface CertificateOrder {
  peerId: PeerId
  name: string
  groups: string[]
  mayAdmit?: boolean
  lifetimeMs?: number
  isEphemeral?: boolean
  /** Gives the name up for this one. */
  predecessor?: PeerId
}

/** Every certificate that this node signs, with one register of names. It is on disk before a certificate leaves. */
export class Issuance {
  readonly #init: IssuanceInit
  readonly #now: () => number
  #issued: IssuedDocument = []
  /** One after the other: two can never get the same name. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(init: IssuanceInit) {
    this.#init = init
    this.#now = init.now ?? Date.now
  }

  async load(): Promise<void> {
    this.#issued = (await this.#init.files.issued.read()) ?? []
  }

  /** What was issued and has not ended. */
  get issued(): Readonly<IssuedDocument> {
    return this.#issued
  }

  /** What was issued, has not ended and was not revoked. */
  get live(): IssuedDocument {
    const nowMs = this.#now()
    return this.#issued.filter((one) => one.notAfterMs > nowMs && !this.#isRevoked(one))
  }

  /** @throws MeshError NOT_ISSUER where this node may not admit, into these groups or at all */
  check({ groups, mayAdmit = false }: { groups: string[]; mayAdmit?: boolean }): void {
    const { membership, rootKey } = this.#init.credentials
    this.#issuer()
    if (rootKey !== undefined) return
    if (mayAdmit) throw new MeshError('NOT_ISSUER', 'Only the root lets others admit.')
    const foreign = groups.find((group) => !membership.groups.includes(group))
    if (foreign !== undefined)
      throw new MeshError('NOT_ISSUER', `"${membership.name}" admits into its own groups, not into "${foreign}".`)
  }

  /**
   * @returns the chain, leaf first
   * @throws MeshError NAME_TAKEN, NAME_INVALID, NOT_ISSUER, LIMIT_EXCEEDED, CERTIFICATE_EXPIRED, STATE_UNREADABLE
   */
  async issue(order: CertificateOrder): Promise<Uint8Array[]> {
    const turn = this.#turn.then(() => this.#issue(order))
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #issue({ predecessor, ...order }: CertificateOrder): Promise<Uint8Array[]> {
    const { credentials, files, revocations } = this.#init
    const { peerId } = order
    const issuer = this.#issuer()
    // one that began no later than a revocation of the peer would be revoked with the former ones
    const nowMs = Math.max(this.#now(), revocations.revokedUpToMs(peerId) + 1)
    const name = parseName(order.name)
    await this.#checkName(name, [peerId, ...(predecessor === undefined ? [] : [predecessor])], nowMs)
    const chain = await issuer.issue({ ...order, name, nowMs })
    const { serial, notAfterMs, issuedMs } = await verifyChain(chain, credentials.networkKey, nowMs)
    this.#issued = [
      ...this.#issued.filter((one) => one.notAfterMs > nowMs),
      {
        name,
        peerId: peerId.toString(),
        serial,
        notAfterMs,
        issuedMs,
        ...(predecessor === undefined ? {} : { predecessor: predecessor.toString() })
      }
    ].slice(-issuedCertificates)
    await files.issued.write(this.#issued)
    return chain
  }

  async #checkName(name: string, allowed: PeerId[], nowMs: number): Promise<void> {
    const taken = (holder: string): never => {
      throw new MeshError('NAME_TAKEN', `"${name}" is the name of ${holder}.`)
    }
    // who asked for another key and did not get to use it is still itself
    const own = new Set(allowed.map((peer) => peer.toString()))
    for (const { peerId, predecessor } of this.#issued)
      if (predecessor !== undefined && own.has(predecessor)) own.add(peerId)
    const isOther = (peer: PeerId): boolean => !own.has(peer.toString())
    const { membership } = this.#init.credentials
    if (membership.name === name && isOther(membership.peerId)) taken(membership.peerId.toString())
    const holder = this.#issued.find(
      (one) =>
        one.name === name && one.notAfterMs > nowMs && isOther(peerIdFromString(one.peerId)) && !this.#isRevoked(one)
    )
    if (holder !== undefined) taken(holder.peerId)
    const other = (await this.#init.holdersOf(name)).find(isOther)
    if (other !== undefined) taken(other.toString())
  }

  /** Undone since, so that its name is free again. */
  #isRevoked({ peerId, serial, issuedMs, notAfterMs }: IssuedDocument[number]): boolean {
    const { credentials, revocations } = this.#init
    const { networkKey, rootKey, membership } = credentials
    return revocations.isRevoked({
      peerId: peerIdFromString(peerId),
      serial,
      issuedMs: issuedMs ?? notAfterMs,
      issuer: rootKey === undefined ? membership.peerId : peerIdFromPublicKey(networkKey)
    })
  }

  #issuer() {
    const { networkKey, rootKey, key, membership }: { membership: Membership } & Credentials = this.#init.credentials
    return createIssuer({ networkKey, rootKey, memberKey: key, membership })
  }
}
