import 'reflect-metadata'
import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { Extension, X509CertificateGenerator } from '@peculiar/x509'
import { OctetString, Sequence } from 'asn1js'
import { describe, expect, it } from 'vitest'
import { createCertificate, verifyCertificate } from '../src/certificate.ts'
import { specCertificates } from './spec-certificates.ts'
import type { PrivateKey } from '@libp2p/interface'

const hour = 3_600_000
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

interface Forgery {
  /** Whose signature the extension carries. */
  signer: PrivateKey
  /** Whose key the extension names. */
  named: PrivateKey
  notBeforeMs?: number
  notAfterMs?: number
  extensions?: (ours: Extension) => Extension[]
  /** What is signed, before the key of the certificate. */
  prefix?: string
}

/** A certificate with whatever is wrong with it. */
const forge = async ({
  signer,
  named,
  notBeforeMs = Date.now() - hour,
  notAfterMs = Date.now() + hour,
  extensions = (ours) => [ours],
  prefix = 'libp2p-tls-handshake:'
}: Forgery): Promise<Uint8Array> => {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const spki = new Uint8Array(await webcrypto.subtle.exportKey('spki', keys.publicKey))
  const signature = await signer.sign(Buffer.concat([Buffer.from(prefix), spki]))
  const value = new Sequence({
    value: [publicKeyToProtobuf(named.publicKey), signature].map(
      (bytes) => new OctetString({ valueHex: Uint8Array.from(bytes).buffer })
    )
  }).toBER()
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: '4142',
      notBefore: new Date(notBeforeMs),
      notAfter: new Date(notAfterMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: extensions(new Extension('1.3.6.1.4.1.53594.1.1', true, value))
    },
    webcrypto
  )
  return new Uint8Array(certificate.rawData)
}

const key = await generateKeyPair('Ed25519')
const other = await generateKeyPair('Ed25519')
const peer = peerIdFromPrivateKey(key)

describe('a certificate of a host', () => {
  it('says who it is, for each kind of key that a peer id may have', async () => {
    for (const kind of ['Ed25519', 'secp256k1', 'RSA'] as const) {
      const hostKey = await generateKeyPair(kind)
      const { cert, key: pem } = await createCertificate(hostKey)
      const certificate = new X509Certificate(cert)
      expect(certificate.checkPrivateKey(createPrivateKey(pem))).toBe(true)
      const found = await verifyCertificate(certificate.raw)
      expect(found.equals(peerIdFromPrivateKey(hostKey))).toBe(true)
    }
  })

  it('verifies as the test forges it, so that what is refused below is refused for its fault', async () => {
    expect((await verifyCertificate(await forge({ signer: key, named: key }), peer)).equals(peer)).toBe(true)
  })

  it('of somebody else is refused where one is expected', async () => {
    const { cert } = await createCertificate(other)
    await expect(verifyCertificate(new X509Certificate(cert).raw, peer)).rejects.toThrow(
      /does not match expected remote identity key/
    )
  })

  it.each<[string, Partial<Forgery>]>([
    ['signed by another key than it names', { signer: other }],
    ['naming another key than it is signed by', { named: other }],
    ['with a signature over something else', { prefix: 'libp2p-tls-handshake' }],
    ['of tomorrow', { notBeforeMs: Date.now() + hour, notAfterMs: Date.now() + 2 * hour }],
    ['of yesterday', { notBeforeMs: Date.now() - 2 * hour, notAfterMs: Date.now() - hour }],
    ['without the extension', { extensions: () => [] }],
    ['with the extension twice', { extensions: (ours) => [ours, ours] }],
    [
      'with an extension that is rubbish',
      { extensions: () => [new Extension('1.3.6.1.4.1.53594.1.1', true, Uint8Array.of(4, 200, 1).buffer)] }
    ],
    [
      'with a critical extension that nobody knows',
      { extensions: (ours) => [ours, new Extension('1.2.3.4', true, Uint8Array.of(5, 0).buffer)] }
    ]
  ])('%s is refused', async (_, fault) => {
    const raw = await forge({ signer: key, named: key, ...fault })
    await expect(verifyCertificate(raw)).rejects.toThrow()
  })

  it('with any byte changed is refused, or says the same', async () => {
    const { cert } = await createCertificate(key)
    const { raw } = new X509Certificate(cert)
    for (let round = 0; round < 2_000; round++) {
      const changed = Uint8Array.from(raw)
      const [high = 0, low = 0, value = 0] = randomBytes(3)
      const at = ((high << 8) | low) % changed.length
      if (changed[at] === value) continue
      changed[at] = value
      const found = await verifyCertificate(changed).catch(() => undefined)
      expect(found, `byte ${at} as ${value}`).toBeUndefined()
    }
  })
})

const verifyOfSpec = async (name: keyof typeof specCertificates): Promise<string> =>
  (await verifyCertificate(Buffer.from(specCertificates[name], 'hex'))).toString()

describe('a certificate of the spec', () => {
  it.each([
    ['ed25519', '12D3KooWM6CgA9iBFZmcYAHA6A2qvbAxqfkmrYiRQuz3XEsk4Ksv'],
    ['secp256k1', '16Uiu2HAkutTMoTzDw1tCvSRtu6YoixJwS46S1ZFxW8hSx9fWHiPs']
  ] as const)('of a host key of the kind %s says who it is', async (name, peerId) => {
    expect(await verifyOfSpec(name)).toBe(peerId)
  })

  // @libp2p/crypto writes keys of this kind in a form of its own, and @libp2p/peer-id names none of them
  it.each(['ecdsa', 'mismatched'] as const)(
    'of a host key of the kind ECDSA (%s) is refused, since js-libp2p cannot read it',
    async (name) => {
      await expect(verifyOfSpec(name)).rejects.toThrow('names a host key that cannot be read')
    }
  )
})
