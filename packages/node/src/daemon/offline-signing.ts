import { decodeCertificateRequest, encodeCertificateGrant, verifyChain } from '@agent-mesh/identity'
import type { SignRequest, SignResponse } from '@agent-mesh/wire/api'
import type { Credentials } from '../state/credentials.ts'
import type { Issuance } from './issuance.ts'

export interface OfflineSigningInit {
  credentials: Credentials
  issuance: Issuance
  /** Addresses to start from, each with its peer id. */
  addresses: () => Uint8Array[]
  now?: () => number
}

/**
 * Answers a request that came as text. What the issuer names counts; what the request names is what is used otherwise.
 * @throws MeshError CERTIFICATE_INVALID, NOT_ISSUER, NAME_TAKEN, NAME_INVALID, LIMIT_EXCEEDED
 */
export const signOffline = async (
  { request, name, groups, mayAdmit, ephemeralMs }: SignRequest,
  { credentials, issuance, addresses, now = Date.now }: OfflineSigningInit
): Promise<SignResponse> => {
  const asked = await decodeCertificateRequest(request, now())
  const order = { peerId: asked.peerId, name: name ?? asked.name, groups: groups ?? asked.groups }
  issuance.check({ groups: order.groups, mayAdmit: mayAdmit ?? false })
  const chain = await issuance.issue({
    ...order,
    ...(mayAdmit === true ? { mayAdmit } : {}),
    ...(ephemeralMs === undefined ? {} : { lifetimeMs: ephemeralMs, isEphemeral: true })
  })
  const { networkKey } = credentials
  const membership = await verifyChain(chain, networkKey, now())
  return {
    certificate: encodeCertificateGrant({ networkKey, chain, addresses: addresses() }),
    peerId: membership.peerId.toString(),
    name: membership.name,
    groups: membership.groups,
    serial: membership.serial,
    notAfter: new Date(membership.notAfterMs).toISOString()
  }
}
