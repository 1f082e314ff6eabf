import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isTemporaryFile } from '@agent-mesh/identity'

/**
 * Removes what writes left behind that were killed; a half of a key may be among it. The state has to be locked: all but
 * `version` is written under the lock, and that one may be on its way from another process.
 */
export const removeLeftovers = async (directory: string): Promise<void> => {
  const names = await readdir(directory)
  for (const name of names.filter((one) => isTemporaryFile(one) && !one.startsWith('version.')))
    await rm(join(directory, name), { force: true })
}
