import { issueCertificate } from './certificate.ts'
import { MeshError } from '@agent-mesh/wire'
import type { Membership } from './certificate.ts'
import type { PeerId, PrivateKey, PublicKey } from '@libp2p/interface'

/** Signs certificates: as the root where its key is at hand, else as a member that may admit. */
export interface Issuer {
  issue: (request: { peerId: PeerId, name: string, groups: string[], nowMs: number, mayAdmit?: boolean }) => Promise<Uint8Array[]>
}

export interface IssuerInit {
  networkKey: PublicKey
  rootKey?: PrivateKey | undefined
  memberKey: PrivateKey
  membership: Membership
}

/** @throws MeshError NOT_ISSUER where there is neither the root key nor the right to admit */
export const createIssuer = ({ networkKey, rootKey, memberKey, membership }: IssuerInit): Issuer => {
  if (rootKey !== undefined) {
    return { issue: async ({ nowMs, ...request }) => [await issueCertificate({ networkKey, notBeforeMs: nowMs, ...request }, rootKey)] }
  }
  if (!membership.mayAdmit || !membership.isIssuedByRoot) throw new MeshError('NOT_ISSUER', `"${membership.name}" may not admit others.`)
  return {
    issue: async ({ nowMs, mayAdmit, ...request }) => {
      if (mayAdmit === true) throw new MeshError('NOT_ISSUER', 'Only the root lets others admit.')
      return [await issueCertificate({ networkKey, notBeforeMs: nowMs, ...request }, memberKey), ...membership.chain]
    }
  }
}
