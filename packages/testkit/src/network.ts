import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { issueCertificate, networkIdOf } from '@agent-mesh/identity'
import { limits, type NetworkId } from '@agent-mesh/wire'
import type { PeerId, PrivateKey, PublicKey } from '@libp2p/interface'

/** A key with certificates for it. */
export interface TestMember {
  name: string
  privateKey: PrivateKey
  peerId: PeerId
  /** Certificate envelopes, the leaf first. */
  chain: Uint8Array[]
}

export interface TestMemberOptions {
  /** Default: a new key. */
  privateKey?: PrivateKey
  groups?: string[]
  mayAdmit?: boolean
  /** Default: one minute ago. */
  notBeforeMs?: number
  /** Default: 30 days after that. */
  notAfterMs?: number
  /** A member that may admit and signs in the place of the root. */
  issuer?: TestMember
}

export interface TestNetwork {
  networkId: NetworkId
  networkKey: PublicKey
  rootKey: PrivateKey
  /** Certifies a member; names have to be unique only where a test depends on it. */
  member: (name: string, options?: TestMemberOptions) => Promise<TestMember>
}

/** A network of its own, with a root key that exists in this process alone. */
export const createTestNetwork = async (): Promise<TestNetwork> => {
  const rootKey = await generateKeyPair('Ed25519')
  const networkKey = rootKey.publicKey
  const member = async (name: string, options: TestMemberOptions = {}): Promise<TestMember> => {
    const { issuer, groups = [], mayAdmit = false, notBeforeMs = Date.now() - 60_000 } = options
    const privateKey = options.privateKey ?? (await generateKeyPair('Ed25519'))
    const peerId = peerIdFromPrivateKey(privateKey)
    const notAfterMs = options.notAfterMs ?? notBeforeMs + limits.certificateLifetimeMs
    const request = { networkKey, peerId, name, groups, mayAdmit, notBeforeMs, notAfterMs }
    const leaf = await issueCertificate(request, issuer?.privateKey ?? rootKey)
    return { name, privateKey, peerId, chain: [leaf, ...(issuer?.chain ?? [])] }
  }
  return { networkId: networkIdOf(networkKey), networkKey, rootKey, member }
}
