import { createPublicKey, randomBytes, webcrypto, X509Certificate as NodeCertificate } from 'node:crypto'
import 'reflect-metadata'
import { publicKeyFromProtobuf, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import {
  InvalidCryptoExchangeError,
  UnexpectedPeerError,
  type PeerId,
  type PrivateKey,
  type PublicKey
} from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { Extension, PemConverter, X509Certificate, X509CertificateGenerator } from '@peculiar/x509'
import { fromBER, OctetString, Sequence } from 'asn1js'
import { keyExtension, signaturePrefix } from './constants.ts'

/** Key and certificate of one host, as `node:tls` takes them. */
export interface HostCertificate {
  /** PEM. */
  cert: string
  /** PEM. */
  key: string
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const hourMs = 3_600_000
/** As go-libp2p has it: what ends is the connection, and the key of the host is what is verified. */
const lifetimeMs = 100 * 365 * 24 * hourMs

const bytesToSign = (subjectPublicKey: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from(signaturePrefix), subjectPublicKey])

/** The extension: the host's public key and its signature over the key of the certificate. */
const extensionOf = async (key: PrivateKey, subjectPublicKey: Uint8Array): Promise<Extension> => {
  const signature = await key.sign(bytesToSign(subjectPublicKey))
  const value = new Sequence({
    value: [
      new OctetString({ valueHex: Uint8Array.from(publicKeyToProtobuf(key.publicKey)).buffer }),
      new OctetString({ valueHex: Uint8Array.from(signature).buffer })
    ]
  }).toBER()
  return new Extension(keyExtension, true, value)
}

/** A fresh key with a certificate for it that the host's key vouches for. */
export const createCertificate = async (key: PrivateKey): Promise<HostCertificate> => {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const subjectPublicKey = new Uint8Array(await webcrypto.subtle.exportKey('spki', keys.publicKey))
  const nowMs = Date.now()
  // a positive number whose first byte never needs another one before it
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  // the engine is named: the library keeps one for all of a process, which the stock encrypter replaces
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serial.toString('hex'),
      notBefore: new Date(nowMs - hourMs),
      notAfter: new Date(Math.floor((nowMs + lifetimeMs) / 1000) * 1000),
      signingAlgorithm: algorithm,
      keys,
      extensions: [await extensionOf(key, subjectPublicKey)]
    },
    webcrypto
  )
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { cert: certificate.toString('pem'), key: PemConverter.encode(pkcs8, 'PRIVATE KEY') }
}

const invalid = (why: string): InvalidCryptoExchangeError =>
  new InvalidCryptoExchangeError(`The certificate of the other side ${why}.`)

/** The two octet strings of the extension. */
const readExtension = (value: ArrayBuffer): { publicKey: Uint8Array; signature: Uint8Array } => {
  const { result, offset } = fromBER(value)
  if (offset === -1 || !(result instanceof Sequence)) throw invalid('has an extension that does not parse')
  const [publicKey, signature] = result.valueBlock.value
  if (!(publicKey instanceof OctetString) || !(signature instanceof OctetString))
    throw invalid('has an extension without a key and a signature')
  return {
    publicKey: new Uint8Array(publicKey.valueBlock.valueHexView),
    signature: new Uint8Array(signature.valueBlock.valueHexView)
  }
}

/** Of whatever kind js-libp2p knows: of ECDSA it reads a form of its own, not that of the spec. */
const readHostKey = (bytes: Uint8Array): PublicKey => {
  try {
    return publicKeyFromProtobuf(bytes)
  } catch (err) {
    throw invalid(`names a host key that cannot be read (${err instanceof Error ? err.message : String(err)})`)
  }
}

/** Critical extensions that are understood here; with any other the certificate must be refused. */
const isKnown = ({ type, critical }: Extension): boolean => !critical || type === keyExtension

/**
 * Checks the one certificate of the other side by the spec: self-signed, within its time, with the libp2p extension, whose
 * signature the host's key has made.
 * @param expected - who should be there; undefined where anybody may
 * @returns who is there
 * @throws UnexpectedPeerError, InvalidCryptoExchangeError
 */
export const verifyCertificate = async (raw: Uint8Array, expected?: PeerId): Promise<PeerId> => {
  const certificate = new NodeCertificate(raw)
  const nowMs = Date.now()
  if (Date.parse(certificate.validFrom) > nowMs) throw invalid('is not valid yet')
  if (Date.parse(certificate.validTo) < nowMs) throw invalid('is past its time')
  if (!certificate.verify(certificate.publicKey)) throw invalid('is not signed by its own key')
  const { extensions } = new X509Certificate(Uint8Array.from(raw))
  if (!extensions.every(isKnown)) throw invalid('has a critical extension that nobody knows')
  const matching = extensions.filter(({ type }) => type === keyExtension)
  const [extension] = matching
  if (extension === undefined || matching.length > 1) throw invalid('does not name the key of one host')
  const { publicKey, signature } = readExtension(extension.value)
  const hostKey = readHostKey(publicKey)
  const subjectPublicKey = createPublicKey(certificate.publicKey.export({ type: 'spki', format: 'pem' })).export({
    type: 'spki',
    format: 'der'
  })
  if (!(await hostKey.verify(bytesToSign(subjectPublicKey), signature)))
    throw invalid('is not vouched for by the key of its host')
  const peer = peerIdFromPublicKey(hostKey)
  if (expected !== undefined && !expected.equals(peer))
    throw new UnexpectedPeerError(
      `Payload identity key ${peer.toString()} does not match expected remote identity key ${expected.toString()}`
    )
  return peer
}
