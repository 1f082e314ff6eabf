import { randomBytes } from 'node:crypto'
import { publicKeyFromProtobuf, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromMultihash, peerIdFromPublicKey } from '@libp2p/peer-id'
import * as Digest from 'multiformats/hashes/digest'
import { equals } from 'uint8arrays/equals'
import { Certificate, decodeMessage, limits, MeshError, parseName } from '@agent-mesh/wire'
import { openEnvelope, sealEnvelope } from './envelope.ts'
import type { PeerId, PrivateKey, PublicKey } from '@libp2p/interface'

/** What a verified certificate says of a peer. Times are milliseconds since 1970. */
export interface Membership {
  peerId: PeerId
  name: string
  groups: string[]
  notBeforeMs: number
  notAfterMs: number
  /** 16 random bytes, hexadecimal. */
  serial: string
  /** May issue certificates to others. */
  mayAdmit: boolean
  /** A name from the root beats one from a delegate. */
  isIssuedByRoot: boolean
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
}

/** Signs one certificate envelope with the root key or with the key of a member that may admit. */
export const issueCertificate = async (request: CertificateRequest, issuerKey: PrivateKey): Promise<Uint8Array> => {
  const groups = (request.groups ?? []).map(group => parseName(group, 'group'))
  if (groups.length > limits.groupsPerCertificate) throw new MeshError('LIMIT_EXCEEDED', `A certificate holds at most ${limits.groupsPerCertificate} groups.`)
  const payload = Certificate.encode({
    networkKey: publicKeyToProtobuf(request.networkKey) as Uint8Array<ArrayBuffer>,
    peerId: request.peerId.toMultihash().bytes as Uint8Array<ArrayBuffer>,
    name: parseName(request.name),
    groups,
    notBeforeMs: request.notBeforeMs,
    notAfterMs: request.notAfterMs ?? request.notBeforeMs + limits.certificateLifetimeMs,
    serial: randomBytes(16),
    mayAdmit: request.mayAdmit ?? false
  })
  return sealEnvelope('certificate', payload, issuerKey)
}

const fail = (why: string): never => { throw new MeshError('CERTIFICATE_INVALID', `A certificate was refused: ${why}.`) }

/** Multihash bytes of an Ed25519 peer id; anything else is refused with the given error. */
export const peerIdFromBytes = (bytes: Uint8Array): PeerId => {
  const peerId = peerIdFromMultihash(Digest.decode(bytes))
  if (peerId.type !== 'Ed25519') throw new Error('not an Ed25519 peer id')
  return peerId
}

interface Link {
  signer: PeerId
  certificate: Certificate
  peerId: PeerId
}

const openLink = async (envelope: Uint8Array, networkKey: Uint8Array): Promise<Link> => {
  const { signer, payload } = await openEnvelope('certificate', envelope, limits.certificateBytes, 'CERTIFICATE_INVALID')
  const certificate = decodeMessage(Certificate, payload, limits.certificateBytes, 'CERTIFICATE_INVALID', 'certificate')
  if (!equals(certificate.networkKey, networkKey)) throw new MeshError('NETWORK_FOREIGN', 'A certificate belongs to another network.')
  if (certificate.serial.length !== 16) fail('its serial is not 16 bytes')
  if (certificate.groups.length > limits.groupsPerCertificate) fail(`it has more than ${limits.groupsPerCertificate} groups`)
  if (certificate.notAfterMs <= certificate.notBeforeMs) fail('it ends before it begins')
  try {
    parseName(certificate.name)
    for (const group of certificate.groups) parseName(group, 'group')
    return { signer, certificate, peerId: peerIdFromBytes(certificate.peerId) }
  } catch (cause) {
    return fail(cause instanceof Error ? cause.message : 'its names do not parse')
  }
}

const checkTime = ({ notBeforeMs, notAfterMs, name }: Certificate, nowMs: number): void => {
  if (nowMs + limits.clockToleranceMs < notBeforeMs) throw new MeshError('CERTIFICATE_NOT_YET_VALID', `The certificate of "${name}" is valid from ${new Date(notBeforeMs).toISOString()} on.`)
  if (nowMs - limits.clockToleranceMs > notAfterMs) throw new MeshError('CERTIFICATE_EXPIRED', `The certificate of "${name}" ended at ${new Date(notAfterMs).toISOString()}.`)
}

/**
 * Verifies a chain up to the root key of the network: at most a leaf and one delegate.
 * @param nowMs - clock of the verifier; 10 minutes of difference are tolerated at both ends
 * @throws MeshError CERTIFICATE_INVALID, CERTIFICATE_EXPIRED, CERTIFICATE_NOT_YET_VALID, NETWORK_FOREIGN
 */
export const verifyChain = async (chain: Uint8Array[], networkKey: PublicKey, nowMs: number): Promise<Membership> => {
  const [leafEnvelope, delegateEnvelope] = chain
  if (leafEnvelope === undefined) return fail('there is none')
  if (chain.length > limits.certificateChainLength) fail(`the chain has ${chain.length} links, ${limits.certificateChainLength} are allowed`)
  const root = peerIdFromPublicKey(networkKey)
  const networkKeyBytes = publicKeyToProtobuf(networkKey)
  const leaf = await openLink(leafEnvelope, networkKeyBytes)
  if (delegateEnvelope === undefined) {
    if (!leaf.signer.equals(root)) fail('it is not signed by the root of the network')
  } else {
    const delegate = await openLink(delegateEnvelope, networkKeyBytes)
    if (!delegate.signer.equals(root)) fail('its issuer is not certified by the root')
    if (!delegate.peerId.equals(leaf.signer)) fail('it is not signed by the issuer beside it')
    if (!delegate.certificate.mayAdmit) fail('its issuer may not admit others')
    if (leaf.certificate.mayAdmit) fail('a delegate cannot let others admit')
    checkTime(delegate.certificate, nowMs)
  }
  checkTime(leaf.certificate, nowMs)
  const { name, groups, notBeforeMs, notAfterMs, serial, mayAdmit } = leaf.certificate
  return {
    peerId: leaf.peerId, name, groups, notBeforeMs, notAfterMs, mayAdmit,
    serial: Buffer.from(serial).toString('hex'),
    isIssuedByRoot: delegateEnvelope === undefined,
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
