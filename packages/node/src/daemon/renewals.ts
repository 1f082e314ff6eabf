import { MeshError, quote } from '@agent-mesh/wire'
import { lifeLeft, type Membership } from '@agent-mesh/identity'
import type { Renewed, RenewalPlea, RevocationKeeper } from '@agent-mesh/control-plane'
import type { Credentials } from '../state/credentials.ts'
import type { Issuance } from './issuance.ts'
import type { Revocations } from './revocations.ts'

export interface RenewalsInit {
  credentials: Credentials
  issuance: Issuance
  keeper: Pick<RevocationKeeper, 'isRevoked'>
  revocations: Pick<Revocations, 'replace' | 'isReplaced'>
  now?: () => number
}

/** A certificate with more of its life than this is not renewed: nobody makes an issuer sign all day. */
const tooEarly = 2 / 3
/** With less than this left, a delegate goes on with whom the root admitted: it loses its rights rather than its place. */
const lastResort = 1 / 10
/** The answer has to reach the one who asked before its connection is closed. */
const farewellMs = 1_000

/** Certificates for members that have one and ask for the next. */
export class Renewals {
  readonly #init: RenewalsInit
  readonly #now: () => number

  constructor(init: RenewalsInit) {
    this.#init = init
    this.#now = init.now ?? Date.now
  }

  /** @throws MeshError NOT_ISSUER, REVOKED, DENIED, RATE_LIMITED, NAME_TAKEN */
  async answer(plea: RenewalPlea): Promise<Renewed> {
    if (plea.is === 'stored') return this.#replace(plea)
    const { membership } = plea
    const succession = plea.is === 'succession' ? plea.succession : undefined
    this.#check(membership, succession !== undefined)
    const { peerId, name, groups } = membership
    const { credentials, issuance } = this.#init
    const mayAdmit = membership.mayAdmit && credentials.rootKey !== undefined
    const chain = await issuance.issue({
      peerId: succession?.newPeer ?? peerId,
      name,
      groups,
      ...(mayAdmit ? { mayAdmit } : {}),
      ...(succession === undefined ? {} : { predecessor: peerId })
    })
    return { chain }
  }

  /**
   * The old key goes when the new one is safe, never before: a member that stops in between has one of the two. Asked by
   * either of them, for the old one may have stopped before it could ask.
   */
  async #replace({ membership, succession }: RenewalPlea & { is: 'stored' }): Promise<Renewed> {
    const { issuance, keeper, revocations } = this.#init
    const { oldPeer, newPeer, bytes } = succession
    if (keeper.isRevoked(membership)) throw new MeshError('REVOKED', `${quote(membership.name)} was revoked.`)
    const isOurs = issuance.issued.some(
      ({ peerId, predecessor }) => peerId === newPeer.toString() && predecessor === oldPeer.toString()
    )
    if (!isOurs)
      throw new MeshError('NOT_ISSUER', `The new key of ${quote(membership.name)} was certified by somebody else.`)
    if (revocations.isReplaced(succession)) return { chain: [] }
    if (membership.peerId.equals(newPeer)) {
      await revocations.replace(bytes)
      return { chain: [] }
    }
    return {
      chain: [],
      afterwards: async () => {
        await new Promise((resolve) => setTimeout(resolve, farewellMs))
        await revocations.replace(bytes)
      }
    }
  }

  #check(membership: Membership, isSuccession: boolean): void {
    const { credentials, issuance, keeper } = this.#init
    const { rootKey, membership: own } = credentials
    const whose = quote(membership.name)
    if (keeper.isRevoked(membership)) throw new MeshError('REVOKED', `${whose} was revoked.`)
    if (membership.isEphemeral) throw new MeshError('DENIED', `${whose} is ephemeral: its certificate is not renewed.`)
    issuance.check({ groups: membership.groups })
    const left = lifeLeft(membership, this.#now())
    if (rootKey === undefined) {
      if (isSuccession && !own.isAdmin && !membership.issuer.equals(own.peerId))
        throw new MeshError('NOT_ISSUER', `${whose} was admitted by somebody else, who alone may revoke its old key.`)
      if (membership.isIssuedByRoot && (isSuccession || left >= lastResort))
        throw new MeshError('NOT_ISSUER', `${whose} was admitted by the root, which renews it.`)
    }
    if (!isSuccession && left > tooEarly)
      throw new MeshError('RATE_LIMITED', `The certificate of ${whose} has most of its life before it.`)
  }
}
