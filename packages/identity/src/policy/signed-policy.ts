import { createHash } from 'node:crypto'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey, peerIdFromPublicKey } from '@libp2p/peer-id'
import { compare } from 'uint8arrays/compare'
import { equals } from 'uint8arrays/equals'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { decodeMessage, limits, MeshError, PolicyDocument, quote, SignedPolicy } from '@agent-mesh/wire'
import { adminGroup, verifyChain, type Membership } from '../certificate.ts'
import { readEnvelope, sealEnvelope, type ReadEnvelope } from '../envelope.ts'
import type { PeerId, PrivateKey, PublicKey } from '@libp2p/interface'

export interface PolicySigner {
  peerId: string
  /** Empty for the root key, which has no certificate. */
  name: string
}

/** A policy that as many admins signed as its network asks for. */
export interface OpenedPolicy {
  version: number
  issuedMs: number
  source: string
  /** SHA-256 of what was signed: the same whoever signed it. 32 bytes. */
  hash: Uint8Array
  signers: PolicySigner[]
}

export interface OpenPolicyOptions {
  networkKey: PublicKey
  nowMs: number
  /** How many different admins have to have signed: `Membership.policySignatures`. */
  signaturesNeeded: number
  /**
   * A revoked admin signs nothing any more, whatever date it writes. Left out for a policy that was accepted before:
   * it does not die with its signer.
   */
  isRevoked?: (membership: Membership) => boolean
}

const refuse = (why: string, cause?: unknown): never => {
  throw new MeshError('POLICY_REFUSED', `A policy was refused: ${why}.`, { cause })
}

const encode = (signatures: SignedPolicy['signatures']): Uint8Array<ArrayBuffer> => {
  const bytes = SignedPolicy.encode({ signatures })
  if (bytes.length <= limits.policyBytes) return withArrayBuffer(bytes)
  throw new MeshError(
    'LIMIT_EXCEEDED',
    `A policy with ${signatures.length} signatures has ${bytes.length} bytes; ${limits.policyBytes} are allowed.`,
    { hint: 'Shorten it: each signature carries a copy of the file.' }
  )
}

/**
 * Signs a policy as its first signer.
 * @param chain - certificates of the key, leaf first; empty for the root key
 * @returns the signed policy, to be pushed or given to the next admin
 * @throws MeshError LIMIT_EXCEEDED
 */
export const sealPolicy = async (
  policy: { source: string; version: number; issuedMs: number; networkKey: PublicKey },
  key: PrivateKey,
  chain: readonly Uint8Array[]
): Promise<Uint8Array<ArrayBuffer>> => {
  const { networkKey, ...rest } = policy
  const payload = PolicyDocument.encode({ networkKey: withArrayBuffer(publicKeyToProtobuf(networkKey)), ...rest })
  return encode([{ envelope: await sealEnvelope('policy', payload, key), chain: chain.map(withArrayBuffer) }])
}

interface Signature {
  envelope: ReadEnvelope
  chain: Uint8Array[]
}

/** Size and shape alone; the bytes must be the one form that {@link sealPolicy} writes. */
const readSignatures = (bytes: Uint8Array): [Signature, ...Signature[]] => {
  const { signatures } = decodeMessage(SignedPolicy, bytes, limits.policyBytes, 'POLICY_REFUSED', 'signed policy')
  if (signatures.length > limits.policySignatures) {
    refuse(`it has ${signatures.length} signatures, ${limits.policySignatures} are allowed`)
  }
  if (!equals(SignedPolicy.encode({ signatures }), bytes)) refuse('it is not in the one form that is signed')
  const [first, ...others] = signatures.map(({ envelope, chain }) => ({
    envelope: readEnvelope('policy', envelope, limits.policyBytes, 'POLICY_REFUSED'),
    chain
  }))
  return first === undefined ? refuse('it has no signature') : [first, ...others]
}

const checkSameAndDistinct = (signatures: readonly Signature[], payload: Uint8Array): void => {
  const signers = new Set<string>()
  for (const { envelope } of signatures) {
    if (!equals(envelope.payload, payload)) refuse('its signatures are for different policies')
    const signer = envelope.signer.toString()
    if (signers.has(signer)) refuse(`${signer} signed it twice`)
    signers.add(signer)
  }
}

const readDocument = (payload: Uint8Array, networkKey: PublicKey): PolicyDocument => {
  const document = decodeMessage(PolicyDocument, payload, limits.policyBytes, 'POLICY_REFUSED', 'policy')
  if (!equals(document.networkKey, publicKeyToProtobuf(networkKey))) {
    throw new MeshError('NETWORK_FOREIGN', 'A policy belongs to another network.')
  }
  if (!Number.isSafeInteger(document.version) || document.version < 1) {
    refuse(`${document.version} is no version of a policy`)
  }
  if (!Number.isSafeInteger(document.issuedMs) || document.issuedMs < 0) refuse(`${document.issuedMs} is no time`)
  return document
}

/**
 * Adds a signature over the same payload; a key that has signed already adds nothing.
 * @throws MeshError POLICY_REFUSED (no signed policy), NETWORK_FOREIGN, LIMIT_EXCEEDED
 */
export const addPolicySignature = async (
  bytes: Uint8Array,
  networkKey: PublicKey,
  key: PrivateKey,
  chain: readonly Uint8Array[]
): Promise<Uint8Array<ArrayBuffer>> => {
  const signatures = readSignatures(bytes)
  const { payload } = signatures[0].envelope
  checkSameAndDistinct(signatures, payload)
  readDocument(payload, networkKey)
  const own = peerIdFromPrivateKey(key)
  if (signatures.some(({ envelope }) => envelope.signer.equals(own))) return withArrayBuffer(bytes)
  if (signatures.length >= limits.policySignatures) {
    throw new MeshError('LIMIT_EXCEEDED', `A policy has at most ${limits.policySignatures} signatures.`)
  }
  const { signatures: before } = SignedPolicy.decode(withArrayBuffer(bytes))
  const envelope = await sealEnvelope('policy', payload, key)
  return encode([...before, { envelope, chain: chain.map(withArrayBuffer) }])
}

/**
 * The right of a signer to sign, at the time when the policy was issued: a policy outlives the certificates of its
 * signers, or all of a network would lose it at once.
 */
const readRight = async (
  { envelope: { signer }, chain }: Signature,
  root: PeerId,
  issuedMs: number,
  { networkKey, isRevoked }: OpenPolicyOptions
): Promise<PolicySigner> => {
  const peerId = signer.toString()
  if (signer.equals(root)) {
    if (chain.length > 0) refuse('the root key needs no certificate')
    return { peerId, name: '' }
  }
  const membership = await verifyChain(chain, networkKey, issuedMs).catch((cause: unknown) =>
    refuse(`the certificate of its signer ${peerId} does not hold`, cause)
  )
  const who = quote(membership.name)
  if (!membership.peerId.equals(signer)) refuse(`the certificate of ${who} is not that of its signer ${peerId}`)
  if (!membership.isAdmin) refuse(`its signer ${who} is not in the group "${adminGroup}" by the word of the root`)
  if (isRevoked?.(membership) === true) refuse(`its signer ${who} was revoked`)
  return { peerId, name: membership.name }
}

/**
 * Verifies a signed policy: size, shape, network, age, number and rights of its signers, signatures. Its source is not
 * read.
 * @throws MeshError POLICY_REFUSED, NETWORK_FOREIGN
 */
export const openPolicy = async (bytes: Uint8Array, options: OpenPolicyOptions): Promise<OpenedPolicy> => {
  const { networkKey, nowMs, signaturesNeeded } = options
  const signatures = readSignatures(bytes)
  const { payload } = signatures[0].envelope
  checkSameAndDistinct(signatures, payload)
  const { version, issuedMs, source } = readDocument(payload, networkKey)
  if (issuedMs > nowMs + limits.clockToleranceMs) {
    refuse(`it was issued in the future, at ${issuedMs} ms since 1970`)
  }
  if (signatures.length < signaturesNeeded) {
    refuse(`${signatures.length} of ${signaturesNeeded} admins signed it`)
  }
  const root = peerIdFromPublicKey(networkKey)
  const signers: PolicySigner[] = []
  for (const signature of signatures) {
    signers.push(await readRight(signature, root, issuedMs, options))
    await signature.envelope.verify()
  }
  return { version, issuedMs, source, hash: createHash('sha256').update(payload).digest(), signers }
}

/**
 * The version of a signed policy and how many have signed it, before anything of it is to be believed; for those who
 * gather signatures.
 * @throws MeshError POLICY_REFUSED, NETWORK_FOREIGN
 */
export const peekPolicy = (
  bytes: Uint8Array,
  networkKey: PublicKey
): { version: number; issuedMs: number; source: string; signers: string[] } => {
  const signatures = readSignatures(bytes)
  const { payload } = signatures[0].envelope
  checkSameAndDistinct(signatures, payload)
  const { version, issuedMs, source } = readDocument(payload, networkKey)
  return { version, issuedMs, source, signers: signatures.map(({ envelope }) => envelope.signer.toString()) }
}

type Ranked = Pick<OpenedPolicy, 'version' | 'hash'>

/**
 * Which of two policies holds: the higher version, and of one version that with the lower hash, so that all agree
 * without asking each other.
 * @returns order above 0 where `a` beats `b`, below 0 where it loses, 0 for one and the same
 */
export const comparePolicies = (a: Ranked, b: Ranked): { order: number; isFork: boolean } => {
  if (a.version !== b.version) return { order: a.version - b.version, isFork: false }
  const order = compare(b.hash, a.hash)
  return { order, isFork: order !== 0 }
}
