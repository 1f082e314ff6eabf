import { randomBytes } from 'node:crypto'
import { generateKeyPairFromSeed, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { withArrayBuffer } from 'uint8arrays/with-array-buffer'
import { Certificate } from '@agent-mesh/wire'
import { issueCertificate, sealEnvelope } from '@agent-mesh/identity'
import type { PeerId, PrivateKey } from '@libp2p/interface'

export const nowMs = 1_790_000_000_000
export const dayMs = 24 * 3_600_000

/** An Ed25519 key that is the same in every run. */
export const keyOf = async (number: number) => generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(number))

export const root = await keyOf(1)
export const delegate = await keyOf(2)
export const member = await keyOf(3)
export const stranger = await keyOf(4)
export const foreignRoot = await keyOf(5)
export const networkKey = root.publicKey

export const idOf = (key: PrivateKey): PeerId => peerIdFromPublicKey(key.publicKey)

/** Fields of a certificate that holds, for the member. */
export const certificateOf = (fields: Partial<Certificate> = {}): Certificate => ({
  networkKey: withArrayBuffer(publicKeyToProtobuf(networkKey)),
  peerId: idOf(member).toMultihash().bytes,
  name: 'bob',
  groups: ['translators'],
  notBeforeMs: nowMs,
  notAfterMs: nowMs + 30 * dayMs,
  serial: new Uint8Array(randomBytes(16)),
  mayAdmit: false,
  policySignatures: 1,
  ephemeral: false,
  ...fields
})

/** Signs whatever fields it is given: what an attacker with a key can do, and what our own issuer would refuse. */
export const sign = async (
  fields: Partial<Certificate>,
  key: PrivateKey = root,
  filling: Uint8Array = new Uint8Array()
): Promise<Uint8Array<ArrayBuffer>> =>
  sealEnvelope('certificate', Buffer.concat([Certificate.encode(certificateOf(fields)), filling]), key)

const issue = async (key: PrivateKey, name: string, issuer: PrivateKey, mayAdmit = false) =>
  issueCertificate(
    { networkKey, peerId: idOf(key), name, groups: ['translators'], mayAdmit, notBeforeMs: nowMs },
    issuer
  )

/** The member's chain from the root itself, the delegate's, and the member's from the delegate. */
export const rootChain = [await issue(member, 'bob', root)]
export const delegateChain = [await issue(delegate, 'alice', root, true)]
export const memberChain = [await issue(member, 'bob', delegate), ...delegateChain]

/** A protobuf field that no message has, `length` bytes long in all (4 to 16,000). */
export const fillingOf = (length: number): Uint8Array => {
  const inner = length - 4
  return Uint8Array.from([0xa2, 0x06, (inner & 0x7f) | 0x80, inner >> 7, ...new Uint8Array(inner)])
}
