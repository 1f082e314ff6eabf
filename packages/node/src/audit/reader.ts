import { open, readdir, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { MeshError } from '@agent-mesh/wire/errors'
import type { AuditEntry } from '@agent-mesh/wire/api'
import { parseEntry } from './entry.ts'
import { matches, type AuditFilter } from './filter.ts'
import { liveName, newestFirst } from './rotation.ts'

/** Where a state directory keeps its audit log. */
export const auditFolder = (stateDir: string): string => join(stateDir, 'audit')

const errno = (err: unknown): string => (err instanceof Error && 'code' in err ? String(err.code) : 'unknown error')

const unreadable = (path: string, cause: unknown): MeshError =>
  new MeshError('STATE_UNREADABLE', `${path} cannot be read (${errno(cause)}).`, { cause })

/** @returns undefined where it is gone, as after a rotation */
const openIfThere = async (path: string): Promise<FileHandle | undefined> => {
  try {
    return await open(path, 'r')
  } catch (cause) {
    if (errno(cause) === 'ENOENT') return undefined
    throw unreadable(path, cause)
  }
}

const namesOf = async (folder: string): Promise<string[]> => {
  try {
    return newestFirst(await readdir(folder))
  } catch (cause) {
    if (errno(cause) === 'ENOENT') return []
    throw unreadable(folder, cause)
  }
}

/** Opened from the youngest on, so that a rotation in between shows one file twice and none never. */
const openAll = async (folder: string): Promise<FileHandle[]> => {
  const seen = new Set<number>()
  const files: FileHandle[] = []
  for (const name of await namesOf(folder)) {
    const file = await openIfThere(join(folder, name))
    if (file === undefined) continue
    const { ino } = await file.stat()
    if (seen.has(ino)) await file.close()
    else files.push(file)
    seen.add(ino)
  }
  return files
}

/** The wanted entries of one file, the last `limit` of them. */
const readFile = async (file: FileHandle, filter: AuditFilter, limit: number): Promise<AuditEntry[]> => {
  let kept: AuditEntry[] = []
  for await (const line of file.readLines({ autoClose: false, start: 0 })) {
    const entry = parseEntry(line)
    if (entry === undefined || !matches(entry, filter)) continue
    kept.push(entry)
    if (kept.length >= 2 * limit) kept = kept.slice(-limit)
  }
  return kept.slice(-limit)
}

/**
 * The last `limit` entries that match, the oldest first, of the live file and the full ones. A line that a crash cut
 * short is passed over. Works whether a node runs or not.
 * @throws MeshError STATE_UNREADABLE
 */
export const readAudit = async (folder: string, filter: AuditFilter, limit: number): Promise<AuditEntry[]> => {
  const files = await openAll(folder)
  try {
    let found: AuditEntry[] = []
    for (const file of files) {
      if (found.length >= limit) break
      found = [...(await readFile(file, filter, limit - found.length)), ...found]
    }
    return found
  } finally {
    for (const file of files) await file.close()
  }
}

const pollEveryMs = 250

/** New lines of one open file: remembers how far it has read, and the line that is not whole yet. */
class GrowingFile {
  readonly #file: FileHandle
  readonly #decoder = new TextDecoder()
  #offset: number
  #rest = ''

  constructor(file: FileHandle, offset: number) {
    this.#file = file
    this.#offset = offset
  }

  async lines(): Promise<string[]> {
    const buffer = Buffer.alloc(64 * 1024)
    for (;;) {
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.#offset)
      if (bytesRead === 0) break
      this.#offset += bytesRead
      this.#rest += this.#decoder.decode(buffer.subarray(0, bytesRead), { stream: true })
    }
    const lines = this.#rest.split('\n')
    this.#rest = lines.pop() ?? ''
    return lines
  }

  async isAt(path: string): Promise<boolean> {
    const current = await openIfThere(path)
    if (current === undefined) return true
    const [{ ino }, own] = await Promise.all([current.stat(), this.#file.stat()])
    await current.close()
    return ino === own.ino
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}

/**
 * The last entries that match, and those that are written from now on, over rotations, until the signal fires.
 * @throws MeshError STATE_UNREADABLE
 */
export async function* followAudit(
  folder: string,
  filter: AuditFilter,
  { signal, last = 0 }: { signal: AbortSignal; last?: number }
): AsyncGenerator<AuditEntry> {
  const path = join(folder, liveName)
  const first = await openIfThere(path)
  let growing = first === undefined ? undefined : new GrowingFile(first, (await first.stat()).size)
  // What is written while the last entries are read is in both; it is told once.
  const told = new Set<string>()
  try {
    for (const entry of last === 0 ? [] : await readAudit(folder, filter, last)) {
      told.add(JSON.stringify(entry))
      yield entry
    }
    while (!signal.aborted) {
      if (growing === undefined) {
        const file = await openIfThere(path)
        growing = file === undefined ? undefined : new GrowingFile(file, 0)
      }
      // Asked before the last read: what was written to the file before it was moved is read still.
      const isCurrent = (await growing?.isAt(path)) ?? true
      for (const line of (await growing?.lines()) ?? []) {
        const entry = parseEntry(line)
        if (entry !== undefined && matches(entry, filter) && !told.has(JSON.stringify(entry))) yield entry
      }
      told.clear()
      if (isCurrent) await wait(pollEveryMs, undefined, { signal }).catch(() => {})
      else {
        await growing?.close()
        growing = undefined
      }
    }
  } finally {
    await growing?.close()
  }
}
