import { once } from 'node:events'
import { lstat, mkdir, rmdir, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { MeshError } from '@agent-mesh/wire/errors'
import { limits } from '@agent-mesh/wire/limits'

const errno = (err: unknown): string => (err instanceof Error && 'code' in err ? String(err.code) : 'unknown error')

/** @throws MeshError STATE_UNREADABLE where the folder is not ours alone to write to */
const secureFolder = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (cause) {
    if (errno(cause) !== 'EEXIST')
      throw new MeshError(
        'STATE_UNREADABLE',
        `The folder ${path} of the API socket cannot be created (${errno(cause)}).`,
        { cause }
      )
  }
  const found = await lstat(path)
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) {
    throw new MeshError(
      'STATE_UNREADABLE',
      `The folder ${path} of the API socket is not a folder to which this user alone may write.`,
      { hint: `Remove ${path}, or set XDG_RUNTIME_DIR.` }
    )
  }
}

const answers = async (path: string): Promise<boolean> => {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch (err) {
    // A full backlog is an answer too.
    return errno(err) === 'EAGAIN'
  } finally {
    socket.destroy()
  }
}

/** Removes what a process left that is gone. @throws MeshError STATE_LOCKED, ADDRESS_IN_USE, STATE_UNREADABLE */
const clearPath = async (path: string): Promise<void> => {
  try {
    const found = await lstat(path)
    if (!found.isSocket())
      throw new MeshError('ADDRESS_IN_USE', `${path} is in the way of the API socket.`, { hint: `Move ${path} away.` })
    if (await answers(path)) throw new MeshError('STATE_LOCKED', `A node answers on ${path} already.`)
    await unlink(path)
  } catch (cause) {
    if (cause instanceof MeshError) throw cause
    if (errno(cause) !== 'ENOENT')
      throw new MeshError('STATE_UNREADABLE', `The API socket ${path} cannot be made (${errno(cause)}).`, { cause })
  }
}

/**
 * Binds a server to a unix socket on which nobody but the owner can connect, not even for a moment.
 * @throws MeshError STATE_LOCKED where a node answers there, STATE_UNREADABLE, ADDRESS_IN_USE
 */
export const listenOnSocket = async (server: Server, path: string): Promise<void> => {
  const isPipe = process.platform === 'win32'
  if (!isPipe) {
    await secureFolder(dirname(path))
    await clearPath(path)
  }
  const listening = once(server, 'listening')
  // Node binds within the call, so the mask is back before anything else can create a file.
  const mask = isPipe ? undefined : process.umask(0o177)
  try {
    server.listen({ path, backlog: limits.apiConnections })
  } finally {
    if (mask !== undefined) process.umask(mask)
  }
  try {
    await listening
  } catch (cause) {
    throw new MeshError(
      errno(cause) === 'EADDRINUSE' ? 'STATE_LOCKED' : 'STATE_UNREADABLE',
      `The API socket ${path} cannot be bound (${errno(cause)}).`,
      { cause }
    )
  }
}

/** Removes the folder of a closed socket where it held nothing else, as one beside a long state directory. */
export const leaveFolder = async (path: string): Promise<void> => {
  if (process.platform !== 'win32') await rmdir(dirname(path)).catch(() => {})
}
