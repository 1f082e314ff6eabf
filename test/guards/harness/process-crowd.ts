import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { issueCertificate, loadKey, loadOrCreateKey } from '@agent-mesh/identity'
import { openStateDir, saveMembership, stateFiles } from '@agent-mesh/node'
import { makeScratchDir } from '../../e2e/harness/cleanup.ts'
import { createNetwork } from '../../e2e/harness/mesh.ts'
import { MeshProcess, type UpOptions } from '../../e2e/harness/mesh-process.ts'

/** Processes that are started at once. */
const atOnce = 4
const startTimeoutMs = 120_000
const up = async (stateDir: string, options: UpOptions): Promise<MeshProcess> =>
  MeshProcess.up(stateDir, { ...options, timeoutMs: startTimeoutMs })

/** Real processes of one network, and more of them whenever somebody joins. */
export interface ProcessCrowd {
  members: MeshProcess[]
  /** Certifies a member and starts it from the founder; one of that name that was here before starts on what it left. */
  add: (name: string) => Promise<MeshProcess>
}

/**
 * So many real processes, all from one bootstrap: the first. They are certified by the root key at once, so that the time
 * goes where it is measured.
 * @param env - more of their environment
 */
export const openProcessCrowd = async (size: number, env: Record<string, string> = {}): Promise<ProcessCrowd> => {
  const scratch = await makeScratchDir('crowd')
  const founderDir = join(scratch, 'node-0')
  await createNetwork('node-0', founderDir)
  const rootKey = await loadKey(stateFiles(founderDir).rootKey)
  if (rootKey === undefined) throw new Error('the founder has no root key')

  const certified = new Map<string, string>()
  const certify = async (name: string): Promise<string> => {
    const path = join(scratch, name)
    await mkdir(path, { mode: 0o700 })
    const files = stateFiles((await openStateDir(path)).path)
    const peerId = peerIdFromPrivateKey(await loadOrCreateKey(files.identityKey))
    const request = { networkKey: rootKey.publicKey, peerId, name, notBeforeMs: Date.now() }
    await saveMembership(files, rootKey.publicKey, [await issueCertificate(request, rootKey)])
    certified.set(name, path)
    return path
  }
  const founder = await up(founderDir, { args: [], env })
  const args = founder.ready.addresses.flatMap((address) => ['--bootstrap', address])
  const add = async (name: string): Promise<MeshProcess> =>
    up(certified.get(name) ?? (await certify(name)), { args, env })
  const members = [founder]
  for (let from = 1; from < size; from += atOnce) {
    const names = Array.from({ length: Math.min(atOnce, size - from) }, (_, at) => `node-${from + at}`)
    members.push(...(await Promise.all(names.map(add))))
  }
  return { members, add }
}

/** The processes alone, where nobody joins later. */
export const createProcessCrowd = async (size: number): Promise<MeshProcess[]> => (await openProcessCrowd(size)).members
