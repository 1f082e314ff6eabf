import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { MeshError, type NetworkId } from '@agent-mesh/wire'
import { loadKey, networkIdOf, parseNetworkKey, verifyChain, type Membership } from '@agent-mesh/identity'
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
 * @throws MeshError NO_NETWORK, KEY_READABLE, KEY_DAMAGED, KEY_FOREIGN, CERTIFICATE_*, STATE_DAMAGED
 */
export const loadCredentials = async (files: StateFiles, nowMs: number): Promise<Credentials> => {
  const document = await files.membership.read()
  const key = await loadKey(files.identityKey)
  if (document === undefined) throw new MeshError('NO_NETWORK')
  if (key === undefined) throw new MeshError('KEY_DAMAGED', `${files.identityKey} is missing, though this node belongs to a network.`)
  const networkKey = parseNetworkKey(fromBase64(document.networkKey))
  const chain = document.chain.map(fromBase64)
  const membership = await verifyChain(chain, networkKey, nowMs)
  const peerId = peerIdFromPrivateKey(key)
  if (!membership.peerId.equals(peerId)) {
    throw new MeshError('KEY_FOREIGN', `${files.identityKey} is the key of ${peerId.toString()}, but the certificate in ${files.membership.path} is for ${membership.peerId.toString()}.`)
  }
  const rootKey = await loadKey(files.rootKey)
  if (rootKey !== undefined && !rootKey.publicKey.equals(networkKey)) {
    throw new MeshError('KEY_FOREIGN', `${files.rootKey} is the root key of another network.`)
  }
  return { key, networkKey, networkId: networkIdOf(networkKey), membership, ...(rootKey === undefined ? {} : { rootKey }) }
}

/** Writes the certificate chain beside the key that it names. */
export const saveMembership = async (files: StateFiles, networkKey: PublicKey, chain: Uint8Array[]): Promise<void> =>
  files.membership.write({
    networkKey: Buffer.from(publicKeyToProtobuf(networkKey)).toString('base64'),
    chain: chain.map(envelope => Buffer.from(envelope).toString('base64'))
  })
