import { createHash } from 'node:crypto'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { base58btc } from 'multiformats/bases/base58'
import { equals } from 'uint8arrays/equals'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { CertificateGrant, CertificateRequest, decodeMessage, limits, MeshError, parseName } from '@agent-mesh/wire'
import { parseNetworkKey, verifyChain, type Membership } from './certificate.ts'
import { readEnvelope, sealEnvelope } from './envelope.ts'
import { peerIdFromBytes } from './peer-id.ts'
import type { PeerId, PrivateKey, PublicKey } from '@libp2p/interface'

const requestPrefix = 'meshreq1'
const grantPrefix = 'meshcert1'
const checksumBytes = 4
const code = 'CERTIFICATE_INVALID'
const base58 = /^[1-9A-HJ-NP-Za-km-z]*$/

const fail = (why: string, cause?: unknown): never => {
  throw new MeshError(code, `The text was refused: ${why}.`, { cause, hint: 'Copy the whole text, from mesh… on.' })
}

const checksum = (bytes: Uint8Array): Uint8Array =>
  createHash('sha256').update(bytes).digest().subarray(0, checksumBytes)

const encodeText = (prefix: string, bytes: Uint8Array): string => {
  if (bytes.length > limits.certificateTextBytes)
    throw new MeshError('LIMIT_EXCEEDED', `Such a text holds at most ${limits.certificateTextBytes} bytes.`)
  return prefix + base58btc.baseEncode(Buffer.concat([bytes, checksum(bytes)]))
}

/** White space within is ignored: a long line is broken on its way through a mail. */
const decodeText = (prefix: string, text: string): Uint8Array => {
  // base58 needs 1.37 characters for a byte
  if (text.length > 2 * limits.certificateTextBytes) fail('it is too long')
  const trimmed = text.replaceAll(/\s/g, '')
  if (!trimmed.startsWith(prefix)) fail(`it does not begin with ${prefix}`)
  const digits = trimmed.slice(prefix.length)
  if (!base58.test(digits)) fail('it has characters that no such text has')
  const bytes = base58btc.baseDecode(digits)
  const body = bytes.subarray(0, -checksumBytes)
  if (!equals(checksum(body), bytes.subarray(-checksumBytes))) fail('it is damaged or cut short')
  return body
}

/** What a node asks for that no member can reach. */
export interface OfflineRequest {
  peerId: PeerId
  name: string
  groups: string[]
  timeMs: number
}

/**
 * `meshreq1…`, signed by the key that is to become a member.
 * @throws MeshError NAME_INVALID, LIMIT_EXCEEDED
 */
export const encodeCertificateRequest = async (
  { name, groups, timeMs }: Omit<OfflineRequest, 'peerId'>,
  key: PrivateKey
): Promise<string> => {
  checkGroups(groups)
  const payload = CertificateRequest.encode({
    peerId: peerIdFromPrivateKey(key).toMultihash().bytes,
    name: parseName(name),
    groups,
    timeMs
  })
  return encodeText(requestPrefix, await sealEnvelope('certificateRequest', payload, key))
}

const checkGroups = (groups: string[]): void => {
  for (const group of groups) parseName(group, 'group')
  if (groups.length > limits.groupsPerCertificate)
    throw new MeshError('LIMIT_EXCEEDED', `A certificate holds at most ${limits.groupsPerCertificate} groups.`)
}

/**
 * Reads and verifies a request.
 * @param nowMs - clock of the issuer: a request is good for one lifetime of a certificate
 * @throws MeshError CERTIFICATE_INVALID, NAME_INVALID, LIMIT_EXCEEDED
 */
export const decodeCertificateRequest = async (text: string, nowMs: number): Promise<OfflineRequest> => {
  const most = limits.certificateTextBytes
  const { signer, payload, verify } = readEnvelope('certificateRequest', decodeText(requestPrefix, text), most, code)
  const { peerId, name, groups, timeMs } = decodeMessage(CertificateRequest, payload, most, code, 'request')
  if (!peerIdFromBytes(peerId).equals(signer)) fail('it is signed by another key than it names')
  parseName(name)
  checkGroups(groups)
  if (timeMs > nowMs + limits.clockToleranceMs) fail('it comes from the future')
  if (timeMs + limits.certificateLifetimeMs < nowMs) fail('it is older than a certificate gets')
  await verify()
  return { peerId: signer, name, groups, timeMs }
}

/** What an issuer answers. */
export interface OfflineGrant {
  networkKey: PublicKey
  chain: Uint8Array[]
  /** Members to start from: multiaddrs, each with its peer id. */
  addresses: Uint8Array[]
}

/** `meshcert1…`. A certificate is no secret. @throws MeshError LIMIT_EXCEEDED */
export const encodeCertificateGrant = ({ networkKey, chain, addresses }: OfflineGrant): string =>
  encodeText(
    grantPrefix,
    CertificateGrant.encode({
      networkKey: withArrayBuffer(publicKeyToProtobuf(networkKey)),
      chain: chain.map((one) => withArrayBuffer(one)),
      addresses: addresses.slice(0, limits.addressesPerRecord).map((one) => withArrayBuffer(one))
    })
  )

/**
 * Reads a grant and verifies its chain in the network that it names. Whether that is the network that was meant, its
 * reader has to know: the text came over a channel that was trusted with it.
 * @throws MeshError CERTIFICATE_*, NETWORK_FOREIGN
 */
export const decodeCertificateGrant = async (
  text: string,
  nowMs: number
): Promise<OfflineGrant & { membership: Membership }> => {
  const most = limits.certificateTextBytes
  const grant = decodeMessage(CertificateGrant, decodeText(grantPrefix, text), most, code, 'certificate')
  const networkKey = parseNetworkKey(grant.networkKey)
  const chain = grant.chain.map((one) => one.slice())
  const membership = await verifyChain(chain, networkKey, nowMs)
  return { networkKey, chain, membership, addresses: grant.addresses.slice(0, limits.addressesPerRecord) }
}
