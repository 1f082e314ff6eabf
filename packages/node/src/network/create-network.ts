import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { limits, MeshError, parseName } from '@agent-mesh/wire'
import { adminGroup, issueCertificate, loadKey, loadOrCreateKey, saveKey } from '@agent-mesh/identity'
import { loadCredentials, saveMembership } from '../state/credentials.ts'
import { stateFiles } from '../state/documents.ts'
import { lockState } from '../state/lock.ts'
import { describeNetwork } from './network-info.ts'
import type { NetworkInfo } from '@agent-mesh/wire/api'
import type { StateDir } from '../state/state-dir.ts'

export interface CreateNetworkOptions {
  /** Of the first member. */
  name: string
  /** How many admins have to sign a policy of this network, for as long as it lives. Default: 1. */
  policySignatures?: number
}

/**
 * Makes a network: its root key, and the certificate of its first member, who is an admin and may admit others. Needs no
 * running node.
 * @throws MeshError USAGE, NETWORK_EXISTS, NAME_INVALID, STATE_LOCKED, KEY_*
 */
export const createNetwork = async (
  directory: StateDir,
  { name, policySignatures = 1 }: CreateNetworkOptions
): Promise<NetworkInfo> => {
  const memberName = parseName(name)
  if (!Number.isInteger(policySignatures) || policySignatures < 1 || policySignatures > limits.policySignatures) {
    throw new MeshError(
      'USAGE',
      `A policy is signed by 1 to ${limits.policySignatures} admins, not by ${policySignatures}.`
    )
  }
  const unlock = await lockState(directory.path)
  try {
    const files = stateFiles(directory.path)
    if ((await files.membership.read()) !== undefined)
      throw new MeshError('NETWORK_EXISTS', `${directory.path} belongs to a network already.`)
    if ((await loadKey(files.rootKey)) !== undefined) {
      throw new MeshError('NETWORK_EXISTS', `${files.rootKey} is the root key of an earlier network.`, {
        hint: `Keep it safe elsewhere, then remove ${files.rootKey}.`
      })
    }
    const key = await loadOrCreateKey(files.identityKey)
    const rootKey = await generateKeyPair('Ed25519')
    const nowMs = Date.now()
    const certificate = await issueCertificate(
      {
        networkKey: rootKey.publicKey,
        peerId: peerIdFromPrivateKey(key),
        name: memberName,
        groups: [adminGroup],
        mayAdmit: true,
        policySignatures,
        notBeforeMs: nowMs
      },
      rootKey
    )
    await saveKey(files.rootKey, rootKey)
    await saveMembership(files, rootKey.publicKey, [certificate])
    return describeNetwork(await loadCredentials(files, nowMs))
  } finally {
    await unlock()
  }
}

/** What this node's network is, also where its certificate has ended. Needs no running node. @throws MeshError NO_NETWORK and what reading may throw */
export const showNetwork = async (directory: StateDir): Promise<NetworkInfo> =>
  describeNetwork(await loadCredentials(stateFiles(directory.path), undefined))
