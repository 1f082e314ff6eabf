import { open, readdir, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { MeshError } from '@agent-mesh/wire/errors'
import { fileNameOf, numbersIn } from './rotation.ts'

/** One file of the log, open: a rotation renames it, and takes nothing from under the reader. */
export interface OpenFile {
  file: FileHandle
  inode: number
  /** Up to the last line feed, when it was opened. */
  wholeBytes: number
}

const errno = (err: unknown): string => (err instanceof Error && 'code' in err ? String(err.code) : 'unknown error')

const unreadable = (path: string, cause: unknown): MeshError =>
  new MeshError('STATE_UNREADABLE', `${path} cannot be read (${errno(cause)}).`, { cause })

/** @returns undefined where there is none, as in the middle of a rotation */
const openOne = async (path: string): Promise<OpenFile | undefined> => {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (cause) {
    if (errno(cause) === 'ENOENT') return undefined
    throw unreadable(path, cause)
  }
  const { ino: inode, size } = await file.stat()
  return { file, inode, wholeBytes: await endOfLastLine(file, size) }
}

const endOfLastLine = async (file: FileHandle, sizeBytes: number): Promise<number> => {
  const buffer = Buffer.alloc(4096)
  let end = sizeBytes
  while (end > 0) {
    const start = Math.max(0, end - buffer.length)
    const { bytesRead } = await file.read(buffer, 0, end - start, start)
    const at = buffer.subarray(0, bytesRead).lastIndexOf(0x0a)
    if (at !== -1) return start + at + 1
    end = start
  }
  return 0
}

/** The number after this one that a file of the folder has. */
const nextNumber = async (folder: string, after: number): Promise<number | undefined> => {
  try {
    return Math.min(...numbersIn(await readdir(folder)).filter((number) => number > after))
  } catch (cause) {
    if (errno(cause) === 'ENOENT') return undefined
    throw unreadable(folder, cause)
  }
}

export const closeAll = async (files: readonly OpenFile[]): Promise<void> => {
  for (const { file } of files) await file.close()
}

/**
 * Opens every file of a log, the youngest first. A rotation moves each to a higher number, which is where the next look
 * goes: one that moves meanwhile is met twice, and opened once, but never passed by.
 * @throws MeshError STATE_UNREADABLE
 */
export const openFiles = async (folder: string): Promise<OpenFile[]> => {
  const files: OpenFile[] = []
  const seen = new Set<number>()
  let number: number | undefined = 0
  try {
    while (number !== undefined && number !== Infinity) {
      const one: OpenFile | undefined = await openOne(join(folder, fileNameOf(number)))
      if (one === undefined) {
        number = await nextNumber(folder, number)
        continue
      }
      number += 1
      if (seen.has(one.inode)) await one.file.close()
      else files.push(one)
      seen.add(one.inode)
    }
    return files
  } catch (err) {
    await closeAll(files)
    throw err
  }
}
