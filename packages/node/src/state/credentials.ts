import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { limits, MeshError, type NetworkId } from '@agent-mesh/wire'
import {
  issueCertificate,
  loadKey,
  networkIdOf,
  parseNetworkKey,
  verifyChain,
  type Membership
} from '@agent-mesh/identity'
import type { StateFiles } from './documents.ts'
import type { Ed25519PrivateKey, PublicKey } from '@libp2p/interface'

/** Who this node is: its key, its network, and its certificate. */
export interface Credentials {
  key: Ed25519PrivateKey
  networkKey: PublicKey
  networkId: NetworkId
  membership: Membership
  rootKey?: Ed25519PrivateKey
}

const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))

/**
 * Reads and checks everything that says who this node is. It never goes on under a wrong identity.
 * @param nowMs - undefined: also where the certificate has ended
 * @throws MeshError NO_NETWORK, KEY_READABLE, KEY_DAMAGED, KEY_FOREIGN, CERTIFICATE_*, STATE_DAMAGED
 */
export const loadCredentials = async (files: StateFiles, nowMs: number | undefined): Promise<Credentials> => {
  const document = await files.membership.read()
  const key = await loadKey(files.identityKey)
  if (document === undefined) throw new MeshError('NO_NETWORK')
  if (key === undefined)
    throw new MeshError('KEY_DAMAGED', `${files.identityKey} is missing, though this node belongs to a network.`)
  const networkKey = parseNetworkKey(fromBase64(document.networkKey))
  const chain = document.chain.map(fromBase64)
  const membership = await verifyChain(chain, networkKey, nowMs)
  const peerId = peerIdFromPrivateKey(key)
  if (!membership.peerId.equals(peerId)) {
    throw new MeshError(
      'KEY_FOREIGN',
      `${files.identityKey} is the key of ${peerId.toString()}, but the certificate in ${files.membership.path} is for ${membership.peerId.toString()}.`
    )
  }
  const rootKey = await loadKey(files.rootKey)
  if (rootKey !== undefined && !rootKey.publicKey.equals(networkKey)) {
    throw new MeshError('KEY_FOREIGN', `${files.rootKey} is the root key of another network.`)
  }
  return {
    key,
    networkKey,
    networkId: networkIdOf(networkKey),
    membership,
    ...(rootKey === undefined ? {} : { rootKey })
  }
}

/** Writes the certificate chain beside the key that it names. */
export const saveMembership = async (files: StateFiles, networkKey: PublicKey, chain: Uint8Array[]): Promise<void> =>
  files.membership.write({
    networkKey: Buffer.from(publicKeyToProtobuf(networkKey)).toString('base64'),
    chain: chain.map((envelope) => Buffer.from(envelope).toString('base64'))
  })

/** The root renews its own certificate when this much of its life is left. */
const renewWithinMs = limits.certificateLifetimeMs / 3

/**
 * The holder of the root key depends on nobody: its certificate is issued anew when it is about to end, or has.
 * @returns the credentials to go on with
 */
export const renewByRoot = async (files: StateFiles, nowMs: number): Promise<Credentials> => {
  const credentials = await loadCredentials(files, undefined)
  const { rootKey, networkKey, membership } = credentials
  if (rootKey === undefined || membership.notAfterMs - nowMs > renewWithinMs) return loadCredentials(files, nowMs)
  const { peerId, name, groups, policySignatures } = membership
  const certificate = await issueCertificate(
    { networkKey, peerId, name, groups, mayAdmit: true, policySignatures, notBeforeMs: nowMs },
    rootKey
  )
  await saveMembership(files, networkKey, [certificate])
  return loadCredentials(files, nowMs)
}
