import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  type KeyObject
} from 'node:crypto'
import { MeshError } from '@agent-mesh/wire'

const cipherName = 'aes-256-gcm'
const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16

type Bytes = Uint8Array<ArrayBuffer>

const concat = (...parts: Uint8Array[]): Bytes => new Uint8Array(Buffer.concat(parts))

const publicFromRaw = (raw: Uint8Array): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: Buffer.from(raw).toString('base64url') }, format: 'jwk' })

const rawFromPublic = (key: KeyObject): Bytes =>
  new Uint8Array(Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url'))

const encrypt = (key: Uint8Array, plain: Uint8Array): Bytes => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(cipherName, key, nonce, { authTagLength: tagBytes })
  return concat(nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag())
}

const decrypt = (key: Uint8Array, sealed: Uint8Array): Bytes => {
  // Checked by hand: a shorter message would be read with a shorter tag, and that can be guessed.
  if (sealed.length < nonceBytes + tagBytes) {
    throw new MeshError('TICKET_INVALID', 'A sealed join message is too short.')
  }
  const tagAt = sealed.length - tagBytes
  try {
    const nonce = sealed.subarray(0, nonceBytes)
    const decipher = createDecipheriv(cipherName, key, nonce, { authTagLength: tagBytes })
    decipher.setAuthTag(sealed.subarray(tagAt))
    return concat(decipher.update(sealed.subarray(nonceBytes, tagAt)), decipher.final())
  } catch (cause) {
    throw new MeshError('TICKET_INVALID', 'A sealed join message does not open.', { cause })
  }
}

/** X25519; a public key of small order, whose secret everyone knows, is refused. @throws MeshError TICKET_INVALID */
const exchange = (privateKey: KeyObject, publicKey: Uint8Array): Uint8Array => {
  try {
    return diffieHellman({ privateKey, publicKey: publicFromRaw(publicKey) })
  } catch (cause) {
    throw new MeshError('TICKET_INVALID', 'A sealed join message names no usable key.', { cause })
  }
}

/** One key per direction from one X25519 exchange, bound to both public keys. */
const directionKeys = (shared: Uint8Array, ephemeral: Uint8Array, recipient: Uint8Array) => {
  const salt = concat(ephemeral, recipient)
  const derive = (info: string): Uint8Array => new Uint8Array(hkdfSync('sha256', shared, salt, info, keyBytes))
  return { request: derive('agent-mesh join request'), answer: derive('agent-mesh join answer') }
}

/** X25519 pair of one invite: the public half travels in the ticket, the private half stays with the issuer. */
export const createSealPair = (): { publicKey: Bytes; privateKey: string } => {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  return {
    publicKey: rawFromPublic(publicKey),
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64')
  }
}

/**
 * Seals a request so that only the holder of the private half reads it, whoever passes it on.
 * @throws MeshError TICKET_INVALID for a recipient that is no usable key; `openAnswer` too, for an answer that the
 * holder of the private half did not seal
 */
export const sealRequest = (
  recipient: Uint8Array,
  plain: Uint8Array
): { sealed: Bytes; openAnswer: (sealed: Uint8Array) => Bytes } => {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const ephemeral = rawFromPublic(publicKey)
  const keys = directionKeys(exchange(privateKey, recipient), ephemeral, recipient)
  return {
    sealed: concat(ephemeral, encrypt(keys.request, plain)),
    openAnswer: (sealed) => decrypt(keys.answer, sealed)
  }
}

const parsePrivate = (privateKey: string): KeyObject => {
  try {
    const key = createPrivateKey({ key: Buffer.from(privateKey, 'base64'), format: 'der', type: 'pkcs8' })
    if (key.asymmetricKeyType === 'x25519') return key
  } catch {
    // falls through: the same refusal for a damaged key and for one of another type
  }
  throw new MeshError('STATE_DAMAGED', 'The sealing key of an invitation is not an X25519 key.')
}

/**
 * Opens a sealed request and gives the way to seal its answer.
 * @throws MeshError TICKET_INVALID, STATE_DAMAGED where the private half itself is unusable
 */
export const openRequest = (
  privateKey: string,
  sealed: Uint8Array
): { plain: Bytes; sealAnswer: (plain: Uint8Array) => Bytes } => {
  const key = parsePrivate(privateKey)
  const ephemeral = sealed.subarray(0, keyBytes)
  const keys = directionKeys(exchange(key, ephemeral), ephemeral, rawFromPublic(createPublicKey(key)))
  return {
    plain: decrypt(keys.request, sealed.subarray(keyBytes)),
    sealAnswer: (plain) => encrypt(keys.answer, plain)
  }
}
