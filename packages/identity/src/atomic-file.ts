import { randomBytes } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MeshError } from '@agent-mesh/wire'

const errno = (err: unknown): string => err instanceof Error && 'code' in err ? String(err.code) : 'unknown error'

/**
 * Replaces a file as a whole: temporary file, fsync, rename, fsync of the folder. A crash leaves the old or the new
 * content, never a part.
 * @throws MeshError STATE_UNREADABLE naming the file (full disk, read-only file system, permissions)
 */
export const writeFileAtomic = async (path: string, content: string | Uint8Array, mode = 0o600): Promise<void> => {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    const folder = await open(dirname(path), 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  } catch (cause) {
    await rm(temporary, { force: true })
    throw new MeshError('STATE_UNREADABLE', `${path} cannot be written (${errno(cause)}).`, { cause })
  }
}

/** Content of a file, or undefined where there is none. @throws MeshError STATE_UNREADABLE naming the file */
export const readFileIfExists = async (path: string): Promise<Uint8Array | undefined> => {
  try {
    return await readFile(path)
  } catch (cause) {
    if (errno(cause) === 'ENOENT') return undefined
    throw new MeshError('STATE_UNREADABLE', `${path} cannot be read (${errno(cause)}).`, { cause })
  }
}
