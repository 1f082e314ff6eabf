import { randomBytes } from 'node:crypto'
import { link, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
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
  return start === '' || start === (await startOf(pid))
}

const errno = (err: unknown): string => (err instanceof Error && 'code' in err ? String(err.code) : 'unknown error')

const numberOf = (name: string): number | undefined => {
  const digits = /^lock\.(\d{1,15})$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** Numbers of the lock files, the highest first. */
const locksIn = async (directory: string): Promise<number[]> =>
  (await readdir(directory))
    .map(numberOf)
    .filter((number) => number !== undefined)
    .toSorted((a, b) => b - a)

/**
 * Holds a state directory for one process. A lock whose process is gone is taken over.
 *
 * Locks are numbered, and the highest one counts: who finds it free or stale links the next number, which only one
 * process can, and the highest file is never removed, only emptied. So a process that acts on an old look at the folder
 * either fails to link its number or finds a higher one afterwards.
 * @returns the way to let go
 * @throws MeshError STATE_LOCKED, STATE_UNREADABLE
 */
export const lockState = async (directory: string): Promise<() => Promise<void>> => {
  const mine = join(directory, `.lock-${randomBytes(6).toString('hex')}`)
  const unwritable = (cause: unknown): MeshError =>
    new MeshError('STATE_UNREADABLE', `${directory} cannot be written (${errno(cause)}).`, { cause })
  try {
    await writeFile(mine, `${process.pid} ${await startOf(process.pid)}\n`, { mode: 0o600, flag: 'wx' })
    return await take(directory, mine)
  } catch (err) {
    throw err instanceof MeshError ? err : unwritable(err)
  } finally {
    await rm(mine, { force: true }).catch(() => {})
  }
}

const take = async (directory: string, mine: string): Promise<() => Promise<void>> => {
  const pathOf = (number: number): string => join(directory, `lock.${number}`)
  for (let attempt = 0; attempt < 10; attempt++) {
    const [highest = 0] = await locksIn(directory)
    const holder = highest === 0 ? '' : await readFile(pathOf(highest), 'utf8').catch(() => '')
    if (await isAlive(holder)) {
      throw new MeshError(
        'STATE_LOCKED',
        `The node with pid ${holder.trim().split(' ')[0] ?? '?'} runs on ${directory}.`
      )
    }
    const number = highest + 1
    try {
      await link(mine, pathOf(number))
    } catch (err) {
      if (errno(err) === 'EEXIST') continue
      throw err
    }
    const [first, ...older] = await locksIn(directory)
    if (first !== number) {
      await rm(pathOf(number), { force: true })
      continue
    }
    for (const one of older) await rm(pathOf(one), { force: true })
    return async () => {
      await truncate(pathOf(number)).catch(() => {})
    }
  }
  throw new MeshError('STATE_LOCKED', `The lock of ${directory} changes hands all the time.`)
}
