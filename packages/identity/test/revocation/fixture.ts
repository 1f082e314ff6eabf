import {
  adminGroup,
  issueCertificate,
  openRevocation,
  sealRevocation,
  verifyChain,
  type Membership,
  type RevocationInit
} from '@agent-mesh/identity'
import { dayMs, delegate, idOf, keyOf, member, networkKey, nowMs, root } from '../network-fixture.ts'
import type { PrivateKey } from '@libp2p/interface'

export const admin = await keyOf(20)
const otherAdmin = await keyOf(21)
export const otherDelegate = await keyOf(22)

export interface IssueOptions {
  issuer?: PrivateKey
  issuerChain?: Uint8Array[]
  groups?: string[]
  mayAdmit?: boolean
  notBeforeMs?: number
  notAfterMs?: number
}

export const issue = async (
  key: PrivateKey,
  {
    issuer = root,
    issuerChain = [],
    groups = [],
    mayAdmit = false,
    notBeforeMs = nowMs - dayMs,
    notAfterMs
  }: IssueOptions = {}
): Promise<Uint8Array[]> => [
  await issueCertificate(
    {
      networkKey,
      peerId: idOf(key),
      name: 'someone',
      groups,
      mayAdmit,
      notBeforeMs,
      ...(notAfterMs === undefined ? {} : { notAfterMs })
    },
    issuer
  ),
  ...issuerChain
]

export const adminChain = await issue(admin, { groups: [adminGroup] })
const otherAdminChain = await issue(otherAdmin, { groups: [adminGroup] })
export const delegateOwnChain = await issue(delegate, { mayAdmit: true })
export const otherDelegateChain = await issue(otherDelegate, { mayAdmit: true })

/** Who signs, with the certificates that say why. */
const signers = {
  root: { key: root, chain: [] as Uint8Array[] },
  admin: { key: admin, chain: adminChain },
  otherAdmin: { key: otherAdmin, chain: otherAdminChain },
  delegate: { key: delegate, chain: delegateOwnChain },
  otherDelegate: { key: otherDelegate, chain: otherDelegateChain }
}

export type Signer = keyof typeof signers

export const revoke = async (by: Signer, init: Partial<RevocationInit> = {}): Promise<Uint8Array<ArrayBuffer>> =>
  sealRevocation({ networkKey, peerId: idOf(member), revokedMs: nowMs, ...init }, signers[by].key, signers[by].chain)

export const open = async (bytes: Uint8Array, atMs = nowMs) => openRevocation(bytes, { networkKey, nowMs: atMs })

export const membershipOf = async (chain: Uint8Array[]): Promise<Membership> =>
  verifyChain(chain, networkKey, undefined)
