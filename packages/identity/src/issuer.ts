import { limits, MeshError, quote } from '@agent-mesh/wire'
import { issueCertificate, type Membership } from './certificate.ts'
import type { PeerId, PrivateKey, PublicKey } from '@libp2p/interface'

/** Signs certificates: as the root where its key is at hand, else as a member that may admit. */
export interface Issuer {
  /**
   * @returns the chain for the new member, leaf first. A delegate's ends no later than its own certificate, and names
   * only groups that the delegate is in.
   * @throws MeshError NOT_ISSUER, CERTIFICATE_EXPIRED, NAME_INVALID, LIMIT_EXCEEDED (groups, lifetime)
   */
  issue: (request: {
    peerId: PeerId
    name: string
    groups: string[]
    nowMs: number
    mayAdmit?: boolean
    /** Default: the usual lifetime. */
    lifetimeMs?: number
    isEphemeral?: boolean
  }) => Promise<Uint8Array[]>
}

export interface IssuerInit {
  networkKey: PublicKey
  rootKey?: PrivateKey | undefined
  memberKey: PrivateKey
  membership: Membership
}

/** A revocation is kept for one lifetime: what lasts longer would come back after it. */
const checkLifetime = (lifetimeMs: number): void => {
  if (lifetimeMs > limits.certificateLifetimeMs) {
    const days = limits.certificateLifetimeMs / 86_400_000
    throw new MeshError('LIMIT_EXCEEDED', `A certificate lasts at most ${days} days.`)
  }
}

/**
 * @throws MeshError NOT_ISSUER where there is neither the root key nor the right to admit, KEY_FOREIGN where the key
 * that would sign is not the one that the network or the certificate names
 */
export const createIssuer = ({ networkKey, rootKey, memberKey, membership }: IssuerInit): Issuer => {
  const { policySignatures } = membership
  if (rootKey !== undefined) {
    if (!rootKey.publicKey.equals(networkKey)) {
      throw new MeshError('KEY_FOREIGN', 'The root key at hand is that of another network.')
    }
    return {
      issue: async ({ nowMs, lifetimeMs = limits.certificateLifetimeMs, ...request }) => {
        checkLifetime(lifetimeMs)
        const certificate = await issueCertificate(
          { networkKey, notBeforeMs: nowMs, notAfterMs: nowMs + lifetimeMs, policySignatures, ...request },
          rootKey
        )
        return [certificate]
      }
    }
  }
  const whose = `The certificate of ${quote(membership.name)}`
  if (!membership.mayAdmit || !membership.isIssuedByRoot) {
    throw new MeshError('NOT_ISSUER', `${quote(membership.name)} may not admit others.`)
  }
  if (membership.peerId.publicKey?.equals(memberKey.publicKey) !== true) {
    throw new MeshError('KEY_FOREIGN', `${whose} names another key.`)
  }
  return {
    issue: async ({ nowMs, mayAdmit, lifetimeMs = limits.certificateLifetimeMs, ...request }) => {
      if (mayAdmit === true) throw new MeshError('NOT_ISSUER', 'Only the root lets others admit.')
      const foreign = request.groups.find((group) => !membership.groups.includes(group))
      if (foreign !== undefined) {
        throw new MeshError(
          'NOT_ISSUER',
          `${quote(membership.name)} admits into its own groups, not into ${quote(foreign)}.`
        )
      }
      if (nowMs >= membership.notAfterMs) {
        throw new MeshError(
          'CERTIFICATE_EXPIRED',
          `${whose} ended at ${new Date(membership.notAfterMs).toISOString()}, so it admits nobody.`
        )
      }
      checkLifetime(lifetimeMs)
      const notAfterMs = Math.min(nowMs + lifetimeMs, membership.notAfterMs)
      return [
        await issueCertificate({ networkKey, notBeforeMs: nowMs, notAfterMs, ...request }, memberKey),
        ...membership.chain
      ]
    }
  }
}
