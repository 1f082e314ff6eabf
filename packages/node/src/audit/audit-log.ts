import { formatEntry, type AuditEvent } from './entry.ts'
import { Repeats } from './repeats.ts'
import type { AuditFile } from './audit-file.ts'

/** How the log is doing, for `status`. */
export interface AuditState {
  /** Entries on disk since the start. */
  written: number
  /** Entries that wait for the disk. */
  waiting: number
  /** Entries that found no room to wait. */
  lost: number
  /** Why the last write failed; absent after one that did not. */
  fault?: string
}

export interface AuditLogInit {
  file: Pick<AuditFile, 'append'>
  /** Peer id of this node. */
  node: string
  /** Milliseconds since 1970. */
  now?: () => number
  /** Called once when writing begins to fail. */
  onFault?: (message: string) => void
  /** Called once when it works again. */
  onMended?: (state: AuditState) => void
}

const flushEveryMs = 250

/** After a failed write, the next attempt waits this long, whatever happens meanwhile. */
const retryAfterMs = 2_000

/** Lines that wait for the disk. */
const mostWaitingBytes = 4 * 1024 * 1024

/** What one write takes. */
const batchBytes = 256 * 1024

/**
 * Takes entries at once and writes them a moment later, many in one write. Nobody waits for the disk: while it fails,
 * lines wait in memory, and those beyond the bound are counted and gone.
 */
export class AuditLog {
  readonly #init: AuditLogInit
  readonly #now: () => number
  readonly #repeats = new Repeats()
  #lines: string[] = []
  #waitingBytes = 0
  #written = 0
  #lost = 0
  #fault: string | undefined
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(init: AuditLogInit) {
    this.#init = init
    this.#now = init.now ?? Date.now
  }

  get state(): AuditState {
    return {
      written: this.#written,
      waiting: this.#lines.length,
      lost: this.#lost,
      ...(this.#fault === undefined ? {} : { fault: this.#fault })
    }
  }

  record(event: AuditEvent): void {
    for (const one of this.#repeats.take(event, this.#now())) this.#add(one)
    this.#arm()
  }

  /** Writes what waits; resolves also where that fails. */
  async flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  /** Writes everything, what is being counted included. */
  async close(): Promise<void> {
    for (const one of this.#repeats.due(Infinity)) this.#add(one)
    await this.flush()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #add(event: AuditEvent): void {
    const line = formatEntry({ time: new Date(this.#now()).toISOString(), node: this.#init.node, ...event })
    if (this.#waitingBytes + line.length > mostWaitingBytes) {
      this.#lost += 1
      return
    }
    this.#lines.push(line)
    this.#waitingBytes += line.length
  }

  #arm(): void {
    if (this.#lines.length === 0 && this.#repeats.isEmpty) return
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined
        for (const one of this.#repeats.due(this.#now())) this.#add(one)
        void this.flush().then(() => this.#arm())
      },
      this.#fault === undefined ? flushEveryMs : retryAfterMs
    ).unref()
  }

  async #write(): Promise<void> {
    while (this.#lines.length > 0) {
      const batch = this.#batch()
      try {
        await this.#init.file.append(batch)
      } catch (err) {
        this.#fail(err)
        return
      }
      this.#lines = this.#lines.slice(batch.length)
      this.#waitingBytes = this.#lines.reduce((sum, line) => sum + line.length, 0)
      this.#written += batch.length
      if (this.#fault === undefined) continue
      this.#fault = undefined
      this.#init.onMended?.(this.state)
    }
  }

  #batch(): string[] {
    let bytes = 0
    const end = this.#lines.findIndex((line) => (bytes += line.length) > batchBytes)
    return this.#lines.slice(0, end === -1 ? undefined : Math.max(1, end))
  }

  #fail(err: unknown): void {
    const isFirst = this.#fault === undefined
    this.#fault = err instanceof Error ? err.message : String(err)
    if (isFirst) this.#init.onFault?.(this.#fault)
  }
}
