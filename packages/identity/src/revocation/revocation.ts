import { createHash } from 'node:crypto'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { equals } from 'uint8arrays/equals'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { decodeMessage, limits, MeshError, Revocation, SignedDocument } from '@agent-mesh/wire'
import { verifyChain, type Membership } from '../certificate.ts'
import { readEnvelope, sealEnvelope } from '../envelope.ts'
import { peerIdFromBytes } from '../peer-id.ts'
import { openSuccession, type VerifiedSuccession } from './succession.ts'
import type { PeerId, PrivateKey, PublicKey } from '@libp2p/interface'

/** By which right a revocation holds: the earlier one in this list is the stronger one. */
export const revokerRights = ['root', 'admin', 'delegate'] as const

export type RevokerRight = (typeof revokerRights)[number]

export interface RevocationInit {
  networkKey: PublicKey
  peerId: PeerId
  /** Hexadecimal, of one certificate. Without it: every certificate of the peer that began at `revokedMs` or before. */
  serial?: string
  revokedMs: number
  /** When what it revokes has ended by itself. Default: one lifetime of a certificate after `revokedMs`. */
  untilMs?: number
  /** For people. */
  reason?: string
  /** Envelope in which the peer itself says under which key it goes on. */
  succession?: Uint8Array
}

/** A revocation whose signer was seen to have the right to sign it. */
export interface VerifiedRevocation {
  /** SHA-256 of the bytes, hexadecimal. */
  id: string
  peerId: PeerId
  serial?: string
  revokedMs: number
  untilMs: number
  /** Text from a member. */
  reason: string
  succession?: VerifiedSuccession
  right: RevokerRight
  signer: PeerId
  /** The certificate by which an admin or a delegate signed; the root needs none. */
  signerMembership?: Membership
  /** The document as it travels. */
  bytes: Uint8Array
}

const serialBytes = 16
const reasonLength = 200

/** Longest text of a reason, in characters. */
export const revocationReasonLength = reasonLength

/** SHA-256 of a document, hexadecimal. */
export const revocationId = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const fail = (why: string): never => {
  throw new MeshError('REVOCATION_INVALID', `A revocation was refused: ${why}.`)
}

/**
 * Signs a revocation with the root key, or with the key of an admin or delegate.
 * @param chain - certificates of the signer, leaf first; empty for the root key
 * @throws MeshError REVOCATION_INVALID, LIMIT_EXCEEDED
 */
export const sealRevocation = async (
  init: RevocationInit,
  key: PrivateKey,
  chain: Uint8Array[]
): Promise<Uint8Array<ArrayBuffer>> => {
  const { networkKey, peerId, serial = '', revokedMs, reason = '', succession = new Uint8Array() } = init
  const { untilMs = revokedMs + limits.certificateLifetimeMs } = init
  const payload: Revocation = {
    networkKey: withArrayBuffer(publicKeyToProtobuf(networkKey)),
    peerId: peerIdFromBytes(peerId.toMultihash().bytes, 'REVOCATION_INVALID').toMultihash().bytes,
    serial: new Uint8Array(Buffer.from(serial, 'hex')),
    revokedMs,
    untilMs,
    reason: reason.slice(0, reasonLength).toWellFormed(),
    succession: withArrayBuffer(succession)
  }
  checkShape(payload)
  const envelope = await sealEnvelope('revocation', Revocation.encode(payload), key)
  const bytes = SignedDocument.encode({ envelope, chain: chain.map((one) => withArrayBuffer(one)) })
  if (bytes.length > limits.revocationBytes) {
    throw new MeshError('LIMIT_EXCEEDED', `A revocation has at most ${limits.revocationBytes} bytes.`)
  }
  return bytes
}

const checkShape = ({ serial, revokedMs, untilMs, reason }: Revocation): void => {
  if (serial.length !== 0 && serial.length !== serialBytes) fail(`its serial is not ${serialBytes} bytes`)
  if (reason.length > reasonLength) fail(`its reason has more than ${reasonLength} characters`)
  for (const time of [revokedMs, untilMs]) {
    if (!Number.isSafeInteger(time) || time < 0) fail(`${time} is not a time`)
  }
  if (untilMs < revokedMs) fail('it ends before it begins')
  if (untilMs > revokedMs + limits.certificateLifetimeMs + limits.clockToleranceMs) {
    fail('it lasts longer than any certificate')
  }
}

const checkTimes = ({ revokedMs, untilMs }: Revocation, nowMs: number): void => {
  if (revokedMs > nowMs + limits.clockToleranceMs) fail('it comes from the future')
  // twice the tolerance: a node whose clock is behind still holds, and tells, what has ended here
  if (untilMs + 2 * limits.clockToleranceMs < nowMs) fail('what it revokes has ended by itself')
}

const readDocument = (bytes: Uint8Array): SignedDocument => {
  const most = limits.revocationBytes
  const document = decodeMessage(SignedDocument, bytes, most, 'REVOCATION_INVALID', 'revocation')
  // the frame around the envelope is not signed: in another form the same revocation would have another id
  if (!equals(SignedDocument.encode(document), bytes)) fail('it is not in its one form')
  if (document.chain.length > limits.certificateChainLength) fail('it carries too many certificates')
  return document
}

/** By which right a member would revoke; undefined where it has none. */
export const revokerRight = ({ isAdmin, mayAdmit, isIssuedByRoot }: Membership): RevokerRight | undefined => {
  if (isAdmin) return 'admin'
  return mayAdmit && isIssuedByRoot ? 'delegate' : undefined
}

/**
 * Verifies one revocation. Size, shape, network and times come before any signature. The certificate of its signer has
 * to hold at the time of the revocation, not at present: who leaves later does not undo what it revoked.
 * @throws MeshError REVOCATION_INVALID, NETWORK_FOREIGN
 */
export const openRevocation = async (
  bytes: Uint8Array,
  { networkKey, nowMs }: { networkKey: PublicKey; nowMs: number }
): Promise<VerifiedRevocation> => {
  const own = bytes.slice() // what is verified must not change afterwards
  const { envelope, chain } = readDocument(own)
  const { signer, payload, verify } = readEnvelope('revocation', envelope, limits.revocationBytes, 'REVOCATION_INVALID')
  const message = decodeMessage(Revocation, payload, limits.revocationBytes, 'REVOCATION_INVALID', 'revocation')
  if (!equals(message.networkKey, publicKeyToProtobuf(networkKey))) {
    throw new MeshError('NETWORK_FOREIGN', 'A revocation belongs to another network.')
  }
  checkShape(message)
  checkTimes(message, nowMs)
  const peerId = peerIdFromBytes(message.peerId, 'REVOCATION_INVALID')
  const signerMembership = await membershipOf(signer, chain, networkKey, message.revokedMs)
  const right = signerMembership === undefined ? 'root' : revokerRight(signerMembership)
  if (right === undefined) return fail(`${signer.toString()} may not revoke`)
  await verify()
  const succession =
    message.succession.length === 0 ? undefined : await openSuccession(message.succession, { networkKey, nowMs })
  if (succession !== undefined && !succession.oldPeer.equals(peerId)) fail('its succession is that of another peer')
  return {
    id: revocationId(own),
    peerId,
    ...(message.serial.length === 0 ? {} : { serial: Buffer.from(message.serial).toString('hex') }),
    revokedMs: message.revokedMs,
    untilMs: message.untilMs,
    reason: message.reason,
    ...(succession === undefined ? {} : { succession }),
    right,
    signer,
    ...(signerMembership === undefined ? {} : { signerMembership }),
    bytes: own
  }
}

/** Undefined for the root itself, which needs no certificate. */
const membershipOf = async (
  signer: PeerId,
  chain: Uint8Array[],
  networkKey: PublicKey,
  revokedMs: number
): Promise<Membership | undefined> => {
  if (signer.equals(peerIdFromPublicKey(networkKey))) {
    if (chain.length > 0) fail('the root needs no certificate')
    return undefined
  }
  let membership: Membership
  try {
    membership = await verifyChain(chain, networkKey, revokedMs)
  } catch (cause) {
    if (!(cause instanceof MeshError) || cause.code === 'NETWORK_FOREIGN') throw cause
    throw new MeshError('REVOCATION_INVALID', `A revocation was refused with its signer: ${cause.message}`, { cause })
  }
  if (!membership.peerId.equals(signer)) fail('the certificate beside it is not that of its signer')
  return membership
}
