import { access, rename, rm } from 'node:fs/promises'
import { loadCredentials } from '../state/credentials.ts'
import { stateFiles } from '../state/documents.ts'
import { lockState } from '../state/lock.ts'
import { takeNextIdentity } from '../state/next-identity.ts'
import { describeNetwork } from './network-info.ts'
import type { NetworkInfo } from '@agent-mesh/wire/api'
import type { StateDir } from '../state/state-dir.ts'

const exists = async (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false
  )

/**
 * Forgets the certificate, the remembered peers and the invitations. The identity key stays: it is the address of
 * this agent in whatever network it joins next. A root key is never removed, only renamed with the network's id.
 * @throws MeshError STATE_LOCKED while a node runs, NO_NETWORK
 */
export const leaveNetwork = async (directory: StateDir): Promise<NetworkInfo> => {
  const unlock = await lockState(directory.path)
  try {
    const files = stateFiles(directory.path)
    await takeNextIdentity(files)
    const left = describeNetwork(await loadCredentials(files, undefined))
    if (await exists(files.rootKey)) await rename(files.rootKey, `${files.rootKey}.${left.network}`)
    await rm(files.policy, { force: true })
    const { peers, invites, issued, policyAwaited, revocations, nextIdentity, succession, rootBackup, membership } =
      files
    const all = [peers, invites, issued, policyAwaited, revocations, nextIdentity, succession, rootBackup, membership]
    for (const file of all) await rm(file.path, { force: true })
    return left
  } finally {
    await unlock()
  }
}
