import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { RecordEnvelope } from '@libp2p/peer-record'
import { equals } from 'uint8arrays/equals'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { envelopeKinds, MeshError, type EnvelopeKind, type ErrorCode } from '@agent-mesh/wire'
import type { PeerId, PrivateKey } from '@libp2p/interface'

/** A payload and who signed it, after the signature was seen to hold. */
export interface Opened {
  signer: PeerId
  payload: Uint8Array
}

/** An envelope of the right size, shape, key type and kind. Nothing in it is to be believed before `verify`. */
export interface ReadEnvelope extends Opened {
  /** @throws MeshError with the code given to {@link readEnvelope} where the signature does not hold */
  verify: () => Promise<void>
}

/** Signs a payload as a libp2p signed envelope (RFC 0002) in the domain of its kind. */
export const sealEnvelope = async (
  kind: EnvelopeKind,
  payload: Uint8Array,
  key: PrivateKey
): Promise<Uint8Array<ArrayBuffer>> => {
  const { domain, codec } = envelopeKinds[kind]
  const envelope = await RecordEnvelope.seal({ domain, codec, marshal: () => payload, equals: () => false }, key)
  return withArrayBuffer(envelope.marshal())
}

/**
 * Checks everything that costs little: size, shape, key type and kind, in this order. For a caller that looks at the
 * payload (age, author) before it pays for the signature.
 *
 * The bytes must be the one encoding that {@link sealEnvelope} writes. Protobuf knows many for the same fields, and
 * what surrounds them is not signed: without this anyone could make copies of a document that differ in size and hash.
 * @param most - largest envelope in bytes that is looked at
 * @throws MeshError with `code`
 */
export const readEnvelope = (kind: EnvelopeKind, bytes: Uint8Array, most: number, code: ErrorCode): ReadEnvelope => {
  const { domain, codec } = envelopeKinds[kind]
  const fail = (why: string, cause?: unknown): never => {
    throw new MeshError(code, `A signed ${kind} was refused: ${why}.`, { cause })
  }
  if (bytes.length > most) fail(`it has ${bytes.length} bytes, ${most} are allowed`)
  let envelope: RecordEnvelope
  try {
    envelope = RecordEnvelope.createFromProtobuf(bytes)
  } catch (cause) {
    return fail('it is not an envelope', cause)
  }
  if (envelope.publicKey.type !== 'Ed25519') fail(`its key is ${envelope.publicKey.type}, not Ed25519`)
  if (!equals(envelope.payloadType, codec)) fail('its payload is of another kind')
  if (!equals(envelope.marshal(), bytes)) fail('it is not in the one form that is signed')
  const verify = async (): Promise<void> => {
    let isValid = false
    try {
      isValid = await envelope.validate(domain)
    } catch (cause) {
      fail('its signature cannot be checked', cause)
    }
    if (!isValid) fail('its signature does not hold')
  }
  return { signer: peerIdFromPublicKey(envelope.publicKey), payload: envelope.payload, verify }
}

/**
 * Checks size, shape, key type, kind and signature, in this order.
 * @param most - largest envelope in bytes that is looked at
 * @throws MeshError with `code`
 */
export const openEnvelope = async (
  kind: EnvelopeKind,
  bytes: Uint8Array,
  most: number,
  code: ErrorCode
): Promise<Opened> => {
  const { signer, payload, verify } = readEnvelope(kind, bytes, most, code)
  await verify()
  return { signer, payload }
}
