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

/**
 * So many real processes, all from one bootstrap: the first. They are certified by the root key at once, so that the time
 * goes where it is measured.
 */
export const createProcessCrowd = async (size: number): Promise<MeshProcess[]> => {
  const scratch = await makeScratchDir('crowd')
  const founderDir = join(scratch, 'node-0')
  await createNetwork('node-0', founderDir)
  const rootKey = await loadKey(stateFiles(founderDir).rootKey)
  if (rootKey === undefined) throw new Error('the founder has no root key')

  const certify = async (name: string): Promise<string> => {
    const path = join(scratch, name)
    await mkdir(path, { mode: 0o700 })
    const files = stateFiles((await openStateDir(path)).path)
    const peerId = peerIdFromPrivateKey(await loadOrCreateKey(files.identityKey))
    const request = { networkKey: rootKey.publicKey, peerId, name, notBeforeMs: Date.now() }
    await saveMembership(files, rootKey.publicKey, [await issueCertificate(request, rootKey)])
    return path
  }
  const founder = await up(founderDir, { args: [] })
  const crowd = [founder]
  for (let from = 1; from < size; from += atOnce) {
    const names = Array.from({ length: Math.min(atOnce, size - from) }, (_, at) => `node-${from + at}`)
    const args = founder.ready.addresses.flatMap((address) => ['--bootstrap', address])
    crowd.push(...(await Promise.all(names.map(async (name) => up(await certify(name), { args })))))
  }
  return crowd
}
