import { randomBytes } from 'node:crypto'
import { link, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MeshError } from '@agent-mesh/wire'

/** Start time of a process in clock ticks since boot, so that a reused pid is not taken for the old process. */
const startOf = async (pid: number): Promise<string> => {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

const isAlive = async (holder: string): Promise<boolean> => {
  const [pidText = '', start = ''] = holder.trim().split(' ')
  const pid = Number(pidText)
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (err) {
    return err instanceof Error && 'code' in err && err.code === 'EPERM'
  }
  return start === '' || start === await startOf(pid)
}

const isErrno = (err: unknown, code: string): boolean => err instanceof Error && 'code' in err && err.code === code

/**
 * Holds a state directory for one process. A lock whose process is gone is taken over.
 * @returns the way to let go
 * @throws MeshError STATE_LOCKED, STATE_UNREADABLE
 */
export const lockState = async (directory: string): Promise<() => Promise<void>> => {
  const path = join(directory, 'lock')
  const mine = `${path}.${randomBytes(6).toString('hex')}`
  const content = `${process.pid} ${await startOf(process.pid)}\n`
  try {
    await writeFile(mine, content, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    throw new MeshError('STATE_UNREADABLE', `${directory} cannot be written (${cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'}).`, { cause })
  }
  try {
    for (let attempt = 0; attempt < 10; attempt++) {
      try {
        await link(mine, path)
        return async () => { await unlink(path).catch(() => {}) }
      } catch (err) {
        if (!isErrno(err, 'EEXIST')) throw new MeshError('STATE_UNREADABLE', `${path} cannot be made.`, { cause: err })
      }
      const holder = await readFile(path, 'utf8').catch(() => '')
      if (await isAlive(holder)) {
        throw new MeshError('STATE_LOCKED', `The node with pid ${holder.trim().split(' ')[0] ?? '?'} runs on ${directory}.`)
      }
      await takeAway(path, `${mine}.stale`, holder)
    }
    throw new MeshError('STATE_LOCKED', `The lock ${path} changes hands all the time.`)
  } finally {
    await rm(mine, { force: true })
  }
}

/** Removes a stale lock; where another process has put its own there meanwhile, that one is put back. */
const takeAway = async (path: string, aside: string, stale: string): Promise<void> => {
  try {
    await rename(path, aside)
  } catch (err) {
    if (isErrno(err, 'ENOENT')) return
    throw err
  }
  if (await readFile(aside, 'utf8') !== stale) await link(aside, path).catch(() => {})
  await rm(aside, { force: true })
}
