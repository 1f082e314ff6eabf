import { access, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { MeshError } from '@agent-mesh/wire'
import { loadKey, saveKey } from '@agent-mesh/identity'
import type { NetworkInfo } from '@agent-mesh/wire/api'
import { loadCredentials } from '../state/credentials.ts'
import { stateFiles } from '../state/documents.ts'
import { lockState } from '../state/lock.ts'
import type { StateDir } from '../state/state-dir.ts'
import { describeNetwork } from './network-info.ts'

const exists = async (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false
  )

/**
 * Writes the root key to a file with mode 0600, without a passphrase, and remembers that there is a backup.
 * @throws MeshError NOT_ISSUER where it is not here, STATE_UNREADABLE, USAGE where the file is there already
 */
export const exportRootKey = async (directory: StateDir, file: string): Promise<{ file: string; network: string }> => {
  const files = stateFiles(directory.path)
  const { rootKey, networkId } = await loadCredentials(files, undefined)
  if (rootKey === undefined) throw new MeshError('NOT_ISSUER', `The root key is not in ${directory.path}.`)
  const path = resolve(file)
  if (await exists(path)) throw new MeshError('USAGE', `${path} exists already.`, { hint: 'Choose another file.' })
  await saveKey(path, rootKey)
  await files.rootBackup.write({ file: path, network: networkId, exportedMs: Date.now() })
  return { file: path, network: networkId }
}

/**
 * Puts the root key of this network into the state directory. The node must not run.
 * @throws MeshError STATE_LOCKED, KEY_*, KEY_FOREIGN, NO_NETWORK, USAGE where there is no such file
 */
export const importRootKey = async (directory: StateDir, file: string): Promise<NetworkInfo> => {
  const unlock = await lockState(directory.path)
  try {
    const files = stateFiles(directory.path)
    const { networkKey, networkId } = await loadCredentials(files, undefined)
    const path = resolve(file)
    const key = await loadKey(path)
    if (key === undefined) throw new MeshError('USAGE', `${path} does not exist.`)
    if (!key.publicKey.equals(networkKey))
      throw new MeshError('KEY_FOREIGN', `${path} is not the root key of ${networkId}.`)
    await saveKey(files.rootKey, key)
    return describeNetwork(await loadCredentials(files, undefined))
  } finally {
    await unlock()
  }
}

/**
 * Takes the root key off this node, which goes on by its certificate. A backup has to have been made, and where its
 * file is still there it has to hold the same key.
 * @throws MeshError STATE_LOCKED, NOT_ISSUER, USAGE without a backup, KEY_FOREIGN and KEY_DAMAGED of the backup
 */
export const removeRootKey = async (directory: StateDir): Promise<NetworkInfo> => {
  const unlock = await lockState(directory.path)
  try {
    const files = stateFiles(directory.path)
    const { rootKey, networkId } = await loadCredentials(files, undefined)
    if (rootKey === undefined) throw new MeshError('NOT_ISSUER', `The root key is not in ${directory.path}.`)
    const backup = await files.rootBackup.read()
    if (backup?.network !== networkId)
      throw new MeshError(
        'USAGE',
        'No backup of the root key was made: without it the network could never admit anybody again.',
        {
          hint: 'mesh-node network root export <file>'
        }
      )
    const kept = await loadKey(backup.file)
    if (kept !== undefined && !kept.equals(rootKey))
      throw new MeshError('KEY_FOREIGN', `${backup.file}, the backup, holds another key.`)
    await rm(files.rootKey)
    return describeNetwork(await loadCredentials(files, undefined))
  } finally {
    await unlock()
  }
}
