import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { MeshError, parseName } from '@agent-mesh/wire'
import {
  createIssuer,
  decodeCertificateGrant,
  encodeCertificateRequest,
  loadOrCreateKey,
  networkIdOf
} from '@agent-mesh/identity'
import { createRevocationKeeper } from '@agent-mesh/control-plane'
import type { NetworkInfo, SignRequest, SignResponse } from '@agent-mesh/wire/api'
import { Issuance } from '../daemon/issuance.ts'
import { signOffline } from '../daemon/offline-signing.ts'
import { loadCredentials, renewByRoot, saveMembership } from '../state/credentials.ts'
import { stateFiles, type StateFiles } from '../state/documents.ts'
import { lockState } from '../state/lock.ts'
import { takeNextIdentity } from '../state/next-identity.ts'
import { revocationStore } from '../state/revocation-store.ts'
import type { StateDir } from '../state/state-dir.ts'
import { startFrom } from './first-peers.ts'
import { describeNetwork } from './network-info.ts'

const locked = async <T>(directory: StateDir, use: (files: StateFiles) => Promise<T>): Promise<T> => {
  const unlock = await lockState(directory.path)
  try {
    const files = stateFiles(directory.path)
    await takeNextIdentity(files)
    return await use(files)
  } finally {
    await unlock()
  }
}

/**
 * The text that an issuer signs. Makes a key where there is none. Needs no running node.
 * @throws MeshError NAME_INVALID, LIMIT_EXCEEDED, KEY_*, STATE_*
 */
export const requestCertificate = async (
  directory: StateDir,
  { name, groups = [] }: { name: string; groups?: string[] }
): Promise<{ request: string; peerId: string; name: string; groups: string[] }> => {
  parseName(name)
  const key = await loadOrCreateKey(stateFiles(directory.path).identityKey)
  const request = await encodeCertificateRequest({ name, groups, timeMs: Date.now() }, key)
  return { request, peerId: peerIdFromPrivateKey(key).toString(), name, groups }
}

/**
 * Signs a request on disk, where no node runs. The names that this node gave are respected; nobody else is asked.
 * @throws MeshError STATE_LOCKED where a node runs, and as {@link signOffline}
 */
export const signCertificate = async (directory: StateDir, request: SignRequest): Promise<SignResponse> =>
  locked(directory, async (files) => {
    const credentials = await renewByRoot(files, Date.now())
    const { networkKey, rootKey, key, membership } = credentials
    createIssuer({ networkKey, rootKey, memberKey: key, membership }) // refused before anything is read
    const revocations = createRevocationKeeper({ networkKey, store: revocationStore(files) })
    await revocations.load()
    const issuance = new Issuance({ credentials, files, revocations, holdersOf: async () => [] })
    await issuance.load()
    return signOffline(request, { credentials, issuance, addresses: () => [] })
  })

/**
 * Takes over a certificate that was signed for the key of this node. One that has ended, or is of the same network and
 * ends sooner, gives way.
 * @throws MeshError CERTIFICATE_*, KEY_FOREIGN, NETWORK_EXISTS, STATE_LOCKED
 */
export const importCertificate = async (directory: StateDir, text: string): Promise<NetworkInfo> =>
  locked(directory, async (files) => {
    const nowMs = Date.now()
    const { networkKey, chain, membership, addresses } = await decodeCertificateGrant(text, nowMs)
    if ((await files.membership.read()) !== undefined) {
      const present = await loadCredentials(files, undefined)
      if (present.networkId !== networkIdOf(networkKey))
        throw new MeshError('NETWORK_EXISTS', `${directory.path} belongs to another network already.`)
    }
    const key = await loadOrCreateKey(files.identityKey)
    const own = peerIdFromPrivateKey(key)
    if (!membership.peerId.equals(own)) {
      throw new MeshError(
        'KEY_FOREIGN',
        `The certificate is for ${membership.peerId.toString()}, not for this node, ${own.toString()}.`,
        {
          hint: 'mesh-node cert import on the node that made the request'
        }
      )
    }
    const first = addresses.flatMap(readAddress)
    if (first.length > 0 && (await files.peers.read().catch(() => undefined)) === undefined)
      await files.peers.write(startFrom(first))
    await saveMembership(files, networkKey, chain)
    return describeNetwork(await loadCredentials(files, nowMs))
  })

const readAddress = (bytes: Uint8Array): Multiaddr[] => {
  try {
    return [multiaddr(bytes)]
  } catch {
    return []
  }
}
