import { stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { AuditEntry } from '@agent-mesh/wire/api'
import { parseEntry } from './entry.ts'
import { matches, type AuditFilter } from './filter.ts'
import { closeAll, openFiles, type OpenFile } from './open-files.ts'
import { liveName } from './rotation.ts'

/** Where a state directory keeps its audit log. */
export const auditFolder = (stateDir: string): string => join(stateDir, 'audit')

/** The wanted entries of one file, the last `limit` of them. */
const readFile = async ({ file, wholeBytes }: OpenFile, filter: AuditFilter, limit: number): Promise<AuditEntry[]> => {
  if (wholeBytes === 0) return []
  let kept: AuditEntry[] = []
  for await (const line of file.readLines({ autoClose: false, start: 0, end: wholeBytes - 1 })) {
    const entry = parseEntry(line)
    if (entry === undefined || !matches(entry, filter)) continue
    kept.push(entry)
    if (kept.length >= 2 * limit) kept = kept.slice(-limit)
  }
  return kept.slice(-limit)
}

const readFiles = async (files: OpenFile[], filter: AuditFilter, limit: number): Promise<AuditEntry[]> => {
  let found: AuditEntry[] = []
  for (const file of files) {
    if (found.length >= limit) break
    found = [...(await readFile(file, filter, limit - found.length)), ...found]
  }
  return found
}

/**
 * The last `limit` entries that match, the oldest first, of the live file and the full ones. A line that a crash cut
 * short is passed over. Works whether a node runs or not.
 * @throws MeshError STATE_UNREADABLE
 */
export const readAudit = async (folder: string, filter: AuditFilter, limit: number): Promise<AuditEntry[]> => {
  const files = await openFiles(folder)
  try {
    return await readFiles(files, filter, limit)
  } finally {
    await closeAll(files)
  }
}

const pollEveryMs = 250

/** New lines of one open file: remembers how far it has read, and the line that is not whole yet. */
class GrowingFile {
  readonly #file: FileHandle
  readonly #inode: number
  readonly #decoder = new TextDecoder()
  #offset: number
  #rest = ''

  constructor({ file, inode }: OpenFile, offset: number) {
    this.#file = file
    this.#inode = inode
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

  /** It is the file that is written, or there is none at the moment. */
  async isLive(folder: string): Promise<boolean> {
    const live = await stat(join(folder, liveName)).catch(() => undefined)
    return live === undefined || live.ino === this.#inode
  }

  /** The one that was begun after this; the oldest of all where this one is gone. Undefined where there is none yet. */
  nextOf(files: OpenFile[]): OpenFile | undefined {
    const index = files.findIndex(({ inode }) => inode === this.#inode)
    return index === -1 ? files.at(-1) : files[index - 1]
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}

/** The file that is followed after this one. */
const following = async (folder: string, current: GrowingFile | undefined): Promise<GrowingFile | undefined> => {
  const files = await openFiles(folder)
  const next = current === undefined ? files.at(-1) : current.nextOf(files)
  await closeAll(files.filter((one) => one !== next))
  if (next === undefined) return current
  await current?.close()
  return new GrowingFile(next, 0)
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
  const [youngest, ...older] = await openFiles(folder)
  let growing = youngest === undefined ? undefined : new GrowingFile(youngest, youngest.wholeBytes)
  try {
    try {
      if (youngest !== undefined && last > 0) yield* await readFiles([youngest, ...older], filter, last)
    } finally {
      await closeAll(older)
    }
    while (!signal.aborted) {
      growing ??= await following(folder, undefined)
      // Asked before the last read: what was written to the file before it was moved is read still.
      const isLive = (await growing?.isLive(folder)) ?? true
      for (const line of (await growing?.lines()) ?? []) {
        const entry = parseEntry(line)
        if (entry !== undefined && matches(entry, filter)) yield entry
      }
      const before = growing
      if (!isLive) growing = await following(folder, growing)
      if (growing === before) await wait(pollEveryMs, undefined, { signal }).catch(() => {})
    }
  } finally {
    await growing?.close()
  }
}
