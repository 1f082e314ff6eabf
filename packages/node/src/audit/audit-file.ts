import { constants } from 'node:fs'
import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { isFull, liveName, rotationSteps } from './rotation.ts'

export interface AuditFileInit {
  /** Made where it is missing; its parent is not. */
  folder: string
  /** Of one file. */
  maxBytes: number
  /** Full files that are kept beside the one that is written. */
  keep: number
}

const errno = (err: unknown): unknown => (err instanceof Error && 'code' in err ? err.code : undefined)

const { O_APPEND, O_CREAT, O_RDWR } = constants

/**
 * The files of the log. Each append opens the file anew: a file that was moved or removed under us would take lines that
 * nobody can read.
 */
export class AuditFile {
  readonly #init: AuditFileInit

  constructor(init: AuditFileInit) {
    this.#init = init
  }

  /**
   * Writes all lines or none, as far as the disk lets it.
   * @throws Error of the file system
   */
  async append(lines: readonly string[]): Promise<void> {
    const text = lines.join('')
    let file = await this.#open()
    try {
      let { size } = await file.stat()
      if (isFull(size, Buffer.byteLength(text), this.#init.maxBytes)) {
        await file.close()
        await this.#rotate()
        file = await this.#open()
        ;({ size } = await file.stat())
      }
      await write(file, size, text)
    } finally {
      await file.close()
    }
  }

  async #open(): Promise<FileHandle> {
    const { folder } = this.#init
    const openLive = async (): Promise<FileHandle> => open(join(folder, liveName), O_APPEND | O_CREAT | O_RDWR, 0o600)
    try {
      return await openLive()
    } catch (err) {
      if (errno(err) !== 'ENOENT') throw err
    }
    await mkdir(folder, { mode: 0o700 }).catch((err: unknown) => {
      if (errno(err) !== 'EEXIST') throw err
    })
    return openLive()
  }

  async #rotate(): Promise<void> {
    const { folder, keep } = this.#init
    for (const step of rotationSteps(await readdir(folder), keep)) {
      if ('remove' in step) await rm(join(folder, step.remove), { force: true })
      else await rename(join(folder, step.from), join(folder, step.to))
    }
  }
}

/** A line that a crash has cut short is ended first, and a write that fails half-way is taken back. */
const write = async (file: FileHandle, sizeBytes: number, text: string): Promise<void> => {
  const isCut = sizeBytes > 0 && !(await endsInLineFeed(file, sizeBytes))
  try {
    await file.appendFile(isCut ? `\n${text}` : text)
  } catch (err) {
    await file.truncate(sizeBytes).catch(() => {})
    throw err
  }
}

const endsInLineFeed = async (file: FileHandle, sizeBytes: number): Promise<boolean> => {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, sizeBytes - 1)
  return bytesRead === 1 && buffer[0] === 0x0a
}
