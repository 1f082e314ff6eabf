import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { openSuccession, verifyChain, type Membership, type VerifiedSuccession } from '@agent-mesh/identity'
import {
  decodeMessage,
  fromWireCode,
  limits,
  MeshError,
  quote,
  RenewAnswer,
  RenewRequest,
  toWireCode
} from '@agent-mesh/wire'
import type { PeerId, PublicKey } from '@libp2p/interface'

const reasonLength = 256

/**
 * What a member asks for: the same again, the same for another key, or the end of its old key, now that the new one and
 * its certificate are on disk.
 */
export type RenewalPlea =
  | { is: 'renewal'; membership: Membership }
  | { is: 'succession'; membership: Membership; succession: VerifiedSuccession }
  | { is: 'stored'; membership: Membership; succession: VerifiedSuccession }

export const encodeRenewal = (succession: Uint8Array = new Uint8Array(), isStored = false): Uint8Array =>
  RenewRequest.encode({ succession: withArrayBuffer(succession), stored: isStored })

/**
 * @param context - `membership` is the certificate with which the one who asks is here
 * @throws MeshError CERTIFICATE_INVALID, NETWORK_FOREIGN
 */
export const openRenewal = async (
  bytes: Uint8Array,
  { membership, networkKey, nowMs }: { membership: Membership; networkKey: PublicKey; nowMs: number }
): Promise<RenewalPlea> => {
  const code = 'CERTIFICATE_INVALID'
  const request = decodeMessage(RenewRequest, bytes, limits.joinBytes, code, 'request to renew')
  if (request.succession.length === 0 && !request.stored) return { is: 'renewal', membership }
  const succession = await openSuccession(request.succession.slice(), { networkKey, nowMs, code })
  const { oldPeer, newPeer } = succession
  const mayAsk = request.stored ? [oldPeer, newPeer] : [oldPeer]
  if (!mayAsk.some((peer) => peer.equals(membership.peerId)))
    throw new MeshError(code, `The succession is that of ${oldPeer.toString()}, who does not ask.`)
  return { is: request.stored ? 'stored' : 'succession', membership, succession }
}

export const encodeRenewed = (chain: Uint8Array[]): Uint8Array =>
  RenewAnswer.encode({ code: 0, reason: '', chain: chain.map((one) => withArrayBuffer(one)) })

export const encodeNotRenewed = (error: MeshError): Uint8Array =>
  RenewAnswer.encode({ code: toWireCode(error.code), reason: error.message.slice(0, reasonLength), chain: [] })

/** @throws MeshError with the code of the issuer, or CERTIFICATE_INVALID */
const chainOf = (bytes: Uint8Array): Uint8Array[] => {
  const answer = decodeMessage(RenewAnswer, bytes, limits.joinBytes, 'CERTIFICATE_INVALID', 'answer to a renewal')
  if (answer.code !== 0)
    throw new MeshError(fromWireCode(answer.code), `A renewal was refused: ${quote(answer.reason, reasonLength)}.`)
  return answer.chain.map((one) => one.slice())
}

/** The answer to `stored`, which has no certificate. @throws MeshError with the code of the issuer, or CERTIFICATE_INVALID */
export const openStored = (bytes: Uint8Array): void => {
  chainOf(bytes)
}

export interface RenewalCheck {
  networkKey: PublicKey
  nowMs: number
  /** What this node has at present. */
  membership: Membership
  /** Whom the new certificate is for. */
  peerId: PeerId
}

const refuse = (why: string): never => {
  throw new MeshError('CERTIFICATE_INVALID', `A renewed certificate was refused: ${why}.`)
}

const sameGroups = (a: string[], b: string[]): boolean => a.toSorted().join() === b.toSorted().join()

/**
 * Verifies an answer: the same name and groups, for the right key, and longer than what is there.
 * @throws MeshError with the code of the issuer, or CERTIFICATE_INVALID and what `verifyChain` throws
 */
export const openRenewed = async (
  bytes: Uint8Array,
  { networkKey, nowMs, membership, peerId }: RenewalCheck
): Promise<Membership> => {
  const renewed = await verifyChain(chainOf(bytes), networkKey, nowMs)
  if (!renewed.peerId.equals(peerId)) refuse(`it is for ${renewed.peerId.toString()}, not for ${peerId.toString()}`)
  if (renewed.name !== membership.name) refuse(`it is for ${quote(renewed.name)}, not for ${quote(membership.name)}`)
  if (!sameGroups(renewed.groups, membership.groups)) refuse('its groups are others')
  if (peerId.equals(membership.peerId) && renewed.notAfterMs <= membership.notAfterMs) {
    refuse('it ends no later than the one that is there')
  }
  return renewed
}
