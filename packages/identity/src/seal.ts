import { createCipheriv, createDecipheriv, createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync, randomBytes, type KeyObject } from 'node:crypto'
import { MeshError } from '@agent-mesh/wire'

const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16

const publicFromRaw = (raw: Uint8Array): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: Buffer.from(raw).toString('base64url') }, format: 'jwk' })

const rawFromPublic = (key: KeyObject): Uint8Array => Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url')

const encrypt = (key: Uint8Array, plain: Uint8Array): Uint8Array => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

const decrypt = (key: Uint8Array, sealed: Uint8Array): Uint8Array => {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes))
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes))
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes)), decipher.final()])
  } catch (cause) {
    throw new MeshError('TICKET_INVALID', 'A sealed join message does not open.', { cause })
  }
}

/** One key per direction from one X25519 exchange, bound to both public keys. */
const directionKeys = (shared: Uint8Array, ephemeral: Uint8Array, recipient: Uint8Array) => {
  const derive = (info: string): Uint8Array => new Uint8Array(hkdfSync('sha256', shared, Buffer.concat([ephemeral, recipient]), info, 32))
  return { request: derive('agent-mesh join request'), answer: derive('agent-mesh join answer') }
}

/** X25519 pair of one invite: the public half travels in the ticket, the private half stays with the issuer. */
export const createSealPair = (): { publicKey: Uint8Array, privateKey: string } => {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  return { publicKey: rawFromPublic(publicKey), privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64') }
}

/** Seals a request so that only the holder of the private half reads it, whoever passes it on. */
export const sealRequest = (recipient: Uint8Array, plain: Uint8Array): { sealed: Uint8Array, openAnswer: (sealed: Uint8Array) => Uint8Array } => {
  const ephemeral = generateKeyPairSync('x25519')
  const ephemeralRaw = rawFromPublic(ephemeral.publicKey)
  const keys = directionKeys(diffieHellman({ privateKey: ephemeral.privateKey, publicKey: publicFromRaw(recipient) }), ephemeralRaw, recipient)
  return {
    sealed: Buffer.concat([ephemeralRaw, encrypt(keys.request, plain)]),
    openAnswer: sealed => decrypt(keys.answer, sealed)
  }
}

/**
 * Opens a sealed request and gives the way to seal its answer.
 * @throws MeshError TICKET_INVALID
 */
export const openRequest = (privateKey: string, sealed: Uint8Array): { plain: Uint8Array, sealAnswer: (plain: Uint8Array) => Uint8Array } => {
  if (sealed.length < keyBytes + nonceBytes + tagBytes) throw new MeshError('TICKET_INVALID', 'A sealed join message is too short.')
  const key = createPrivateKey({ key: Buffer.from(privateKey, 'base64'), format: 'der', type: 'pkcs8' })
  const ephemeral = sealed.subarray(0, keyBytes)
  let shared: Uint8Array
  try {
    shared = diffieHellman({ privateKey: key, publicKey: publicFromRaw(ephemeral) })
  } catch (cause) {
    throw new MeshError('TICKET_INVALID', 'A sealed join message names no usable key.', { cause })
  }
  const keys = directionKeys(shared, ephemeral, rawFromPublic(createPublicKey(key)))
  return { plain: decrypt(keys.request, sealed.subarray(keyBytes)), sealAnswer: plain => encrypt(keys.answer, plain) }
}
