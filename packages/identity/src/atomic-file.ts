import { randomBytes } from 'node:crypto'
import { link, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MeshError } from '@agent-mesh/wire'

/** What a file system without hard links answers. */
const noLinks = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'])

const errno = (err: unknown): string => (err instanceof Error && 'code' in err ? String(err.code) : 'unknown error')

const syncFolder = async (path: string): Promise<void> => {
  // Windows neither opens folders nor needs it.
  if (process.platform === 'win32') return
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Whether a name is that of a file which a write left behind that was killed. */
export const isTemporaryFile = (name: string): boolean => /\.[0-9a-f]{8}\.tmp$/.test(name)

/** Writes beside the path, then lets `place` put the file there. Nothing is left behind when that fails. */
const writeBeside = async <T>(
  path: string,
  content: string | Uint8Array,
  mode: number,
  place: (temporary: string) => Promise<T>
): Promise<T> => {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    const placed = await place(temporary)
    await syncFolder(path)
    return placed
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {
      // What cannot be removed was never made; the first error is the one that tells.
    })
    throw new MeshError('STATE_UNREADABLE', `${path} cannot be written (${errno(cause)}).`, { cause })
  }
}

/**
 * Replaces a file as a whole: temporary file, fsync, rename, fsync of the folder. A crash leaves the old or the new
 * content, never a part; at most a `.tmp` file stays beside it. Of two writers at once either may win.
 * @throws MeshError STATE_UNREADABLE naming the file (full disk, read-only file system, permissions)
 */
export const writeFileAtomic = async (path: string, content: string | Uint8Array, mode = 0o600): Promise<void> =>
  writeBeside(path, content, mode, async (temporary) => rename(temporary, path))

/**
 * Makes a file as a whole, or leaves the one that is there: of two writers at once exactly one gets true. On a file
 * system without hard links the later one wins.
 * @returns whether this call made it
 * @throws MeshError STATE_UNREADABLE naming the file
 */
export const createFileAtomic = async (path: string, content: string | Uint8Array, mode = 0o600): Promise<boolean> =>
  writeBeside(path, content, mode, async (temporary) => {
    try {
      await link(temporary, path)
    } catch (err) {
      if (noLinks.has(errno(err))) await rename(temporary, path)
      else if (errno(err) !== 'EEXIST') throw err
      else {
        await rm(temporary)
        return false
      }
      return true
    }
    await rm(temporary)
    return true
  })

/** Content of a file, or undefined where there is none. @throws MeshError STATE_UNREADABLE naming the file */
export const readFileIfExists = async (path: string): Promise<Uint8Array | undefined> => {
  try {
    return await readFile(path)
  } catch (cause) {
    if (errno(cause) === 'ENOENT') return undefined
    throw new MeshError('STATE_UNREADABLE', `${path} cannot be read (${errno(cause)}).`, { cause })
  }
}
