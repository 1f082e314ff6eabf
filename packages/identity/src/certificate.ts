import { randomBytes } from 'node:crypto'
import { publicKeyFromProtobuf, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { equals } from 'uint8arrays/equals'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { Certificate, decodeMessage, limits, MeshError, parseName, quote } from '@agent-mesh/wire'
import { readEnvelope, sealEnvelope } from './envelope.ts'
import { peerIdFromBytes } from './peer-id.ts'
import type { PeerId, PrivateKey, PublicKey } from '@libp2p/interface'

const serialBytes = 16
/** Who is in it by the word of the root may sign policies and revocations for everybody. */
export const adminGroup = 'admin'

/** Last instant that a `Date` can name. */
const lastInstantMs = 8.64e15

/** What a verified certificate says of a peer. Times are milliseconds since 1970. */
export interface Membership {
  peerId: PeerId
  name: string
  groups: string[]
  /** From when to when the whole chain holds: a member does not outlive the certificate of the one who admitted it. */
  notBeforeMs: number
  notAfterMs: number
  /** From when on the certificate of the peer itself holds: another certificate of its issuer does not change it. */
  issuedMs: number
  /** 16 random bytes, hexadecimal. */
  serial: string
  /** The certificate of the delegate in the chain, where there is one. */
  delegate?: { serial: string; issuedMs: number }
  /** May issue certificates to others. */
  mayAdmit: boolean
  /** A name from the root beats one from a delegate. */
  isIssuedByRoot: boolean
  /** May sign policies and revocations for everybody: in the group `admin`, and put there by the root. */
  isAdmin: boolean
  /** How many admins have to sign a policy of this network, as the root said. */
  policySignatures: number
  /** Not renewed: the member leaves with its certificate. */
  isEphemeral: boolean
  issuer: PeerId
  /** Envelopes as they travel: the leaf first, then its issuer's where that is not the root. */
  chain: Uint8Array[]
}

export interface CertificateRequest {
  networkKey: PublicKey
  peerId: PeerId
  name: string
  groups?: string[]
  mayAdmit?: boolean
  notBeforeMs: number
  /** Default: 30 days after `notBeforeMs`. */
  notAfterMs?: number
  /** How many admins have to sign a policy. Only what the root says counts. Default: 1. */
  policySignatures?: number
  /** Is not renewed. */
  isEphemeral?: boolean
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const fail = (why: string): never => {
  throw new MeshError('CERTIFICATE_INVALID', `A certificate was refused: ${why}.`)
}

const checkSpan = ({ notBeforeMs, notAfterMs }: { notBeforeMs: number; notAfterMs: number }): void => {
  for (const time of [notBeforeMs, notAfterMs]) {
    if (!Number.isInteger(time) || time < 0 || time > lastInstantMs) fail(`${time} is not a time`)
  }
  if (notAfterMs <= notBeforeMs) fail('it ends before it begins')
}

/**
 * Signs one certificate envelope with the root key or with the key of a member that may admit.
 * @throws MeshError NAME_INVALID, LIMIT_EXCEEDED (too many groups), CERTIFICATE_INVALID (times, peer id)
 */
export const issueCertificate = async (
  request: CertificateRequest,
  issuerKey: PrivateKey
): Promise<Uint8Array<ArrayBuffer>> => {
  const { networkKey, notBeforeMs, notAfterMs = notBeforeMs + limits.certificateLifetimeMs } = request
  const groups = [...new Set(request.groups)].map((group) => parseName(group, 'group'))
  if (groups.length > limits.groupsPerCertificate) {
    throw new MeshError('LIMIT_EXCEEDED', `A certificate holds at most ${limits.groupsPerCertificate} groups.`)
  }
  checkSpan({ notBeforeMs, notAfterMs })
  const payload = Certificate.encode({
    networkKey: withArrayBuffer(publicKeyToProtobuf(networkKey)),
    peerId: peerIdFromBytes(request.peerId.toMultihash().bytes).toMultihash().bytes,
    name: parseName(request.name),
    groups,
    notBeforeMs,
    notAfterMs,
    serial: randomBytes(serialBytes),
    mayAdmit: request.mayAdmit ?? false,
    policySignatures: request.policySignatures ?? 1,
    ephemeral: request.isEphemeral ?? false
  })
  return sealEnvelope('certificate', payload, issuerKey)
}

interface Link {
  signer: PeerId
  certificate: Certificate
  peerId: PeerId
  verify: () => Promise<void>
}

const readLink = (envelope: Uint8Array, networkKey: Uint8Array): Link => {
  const most = limits.certificateBytes
  const { signer, payload, verify } = readEnvelope('certificate', envelope, most, 'CERTIFICATE_INVALID')
  const certificate = decodeMessage(Certificate, payload, most, 'CERTIFICATE_INVALID', 'certificate')
  if (!equals(certificate.networkKey, networkKey)) {
    throw new MeshError('NETWORK_FOREIGN', 'A certificate belongs to another network.')
  }
  if (certificate.serial.length !== serialBytes) fail(`its serial is not ${serialBytes} bytes`)
  if (certificate.policySignatures > limits.policySignatures) {
    fail(`it asks for ${certificate.policySignatures} signatures of a policy, ${limits.policySignatures} are allowed`)
  }
  if (certificate.groups.length > limits.groupsPerCertificate) {
    fail(`it has more than ${limits.groupsPerCertificate} groups`)
  }
  checkSpan(certificate)
  try {
    parseName(certificate.name)
    for (const group of certificate.groups) parseName(group, 'group')
  } catch (cause) {
    return fail(cause instanceof Error ? cause.message.replace(/\.$/, '') : 'its names do not parse')
  }
  return { signer, certificate, peerId: peerIdFromBytes(certificate.peerId), verify }
}

const checkTime = ({ notBeforeMs, notAfterMs, name }: Certificate, nowMs: number): void => {
  const whose = `The certificate of ${quote(name)}`
  if (nowMs + limits.clockToleranceMs < notBeforeMs) {
    throw new MeshError(
      'CERTIFICATE_NOT_YET_VALID',
      `${whose} is valid from ${new Date(notBeforeMs).toISOString()} on.`
    )
  }
  if (nowMs - limits.clockToleranceMs > notAfterMs) {
    throw new MeshError('CERTIFICATE_EXPIRED', `${whose} ended at ${new Date(notAfterMs).toISOString()}.`)
  }
}

/** Who signed what for whom; called before any signature is checked, and worth nothing before they are. */
const checkIssuers = (leaf: Link, delegate: Link | undefined, root: PeerId): void => {
  if (delegate === undefined) {
    if (!leaf.signer.equals(root)) fail('it is not signed by the root of the network')
    return
  }
  if (!delegate.signer.equals(root)) fail('its issuer is not certified by the root')
  if (!delegate.peerId.equals(leaf.signer)) fail('it is not signed by the issuer beside it')
  if (!delegate.certificate.mayAdmit) fail('its issuer may not admit others')
  if (leaf.certificate.mayAdmit) fail('a delegate cannot let others admit')
  const foreign = leaf.certificate.groups.find((group) => !delegate.certificate.groups.includes(group))
  if (foreign !== undefined) fail(`its issuer is not in the group ${quote(foreign)} itself`)
}

/**
 * Verifies a chain up to the root key of the network: at most a leaf and one delegate. Size, shape, issuers and times
 * are looked at before the first signature.
 * @param nowMs - clock of the verifier; 10 minutes of difference are tolerated at both ends. Undefined: times are not
 * looked at, to read what a certificate said that has ended
 * @throws MeshError CERTIFICATE_INVALID, CERTIFICATE_EXPIRED, CERTIFICATE_NOT_YET_VALID, NETWORK_FOREIGN
 */
export const verifyChain = async (
  chain: Uint8Array[],
  networkKey: PublicKey,
  nowMs: number | undefined
): Promise<Membership> => {
  const most = limits.certificateChainLength
  if (chain.length > most) fail(`the chain has ${chain.length} links, ${most} are allowed`)
  const networkKeyBytes = publicKeyToProtobuf(networkKey)
  const [leaf, delegate] = chain.map((envelope) => readLink(envelope, networkKeyBytes))
  if (leaf === undefined) return fail('there is none')
  checkIssuers(leaf, delegate, peerIdFromPublicKey(networkKey))
  if (nowMs !== undefined) {
    if (delegate !== undefined) checkTime(delegate.certificate, nowMs)
    checkTime(leaf.certificate, nowMs)
  }
  await delegate?.verify()
  await leaf.verify()
  const { name, groups, notBeforeMs, notAfterMs, serial, mayAdmit, ephemeral } = leaf.certificate
  const isIssuedByRoot = delegate === undefined
  return {
    peerId: leaf.peerId,
    name,
    groups,
    notBeforeMs: Math.max(notBeforeMs, delegate?.certificate.notBeforeMs ?? 0),
    notAfterMs: Math.min(notAfterMs, delegate?.certificate.notAfterMs ?? Infinity),
    issuedMs: notBeforeMs,
    mayAdmit,
    serial: hexOf(serial),
    ...(delegate === undefined
      ? {}
      : { delegate: { serial: hexOf(delegate.certificate.serial), issuedMs: delegate.certificate.notBeforeMs } }),
    isIssuedByRoot,
    isAdmin: isIssuedByRoot && groups.includes(adminGroup),
    policySignatures: Math.max(1, (delegate ?? leaf).certificate.policySignatures),
    isEphemeral: ephemeral,
    issuer: leaf.signer,
    chain
  }
}

/** Reads the protobuf form of the root's public key. @throws MeshError CERTIFICATE_INVALID */
export const parseNetworkKey = (bytes: Uint8Array): PublicKey => {
  try {
    const key = publicKeyFromProtobuf(bytes)
    if (key.type === 'Ed25519') return key
  } catch {
    // falls through: the same refusal for a damaged key and for one of another type
  }
  return fail('the key of its network is not an Ed25519 key')
}
