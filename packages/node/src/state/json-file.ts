import { z } from 'zod'
import { MeshError } from '@agent-mesh/wire'
import { readFileIfExists, writeFileAtomic } from '@agent-mesh/identity'

/** One JSON document of the state directory: validated when read, replaced as a whole when written. */
export class JsonFile<T> {
  readonly path: string
  readonly #schema: z.ZodType<T>
  #writing: Promise<void> = Promise.resolve()

  constructor(path: string, schema: z.ZodType<T>) {
    this.path = path
    this.#schema = schema
  }

  /** @returns undefined where there is no file. @throws MeshError STATE_DAMAGED, STATE_UNREADABLE, naming the file */
  async read(): Promise<T | undefined> {
    const content = await readFileIfExists(this.path)
    if (content === undefined) return undefined
    try {
      return this.#schema.parse(JSON.parse(Buffer.from(content).toString('utf8')))
    } catch (cause) {
      const where =
        cause instanceof z.ZodError
          ? ` (${cause.issues[0]?.path.join('.') ?? ''}: ${cause.issues[0]?.message ?? ''})`
          : ''
      throw new MeshError('STATE_DAMAGED', `${this.path} is damaged${where}.`, {
        cause,
        hint: `Restore ${this.path} from a backup, or move it away to begin without it.`
      })
    }
  }

  /** Writes are done one after the other; the last one wins. */
  async write(value: T): Promise<void> {
    const write = this.#writing.then(() => writeFileAtomic(this.path, `${JSON.stringify(value, null, 2)}\n`))
    this.#writing = write.catch(() => {})
    return write
  }
}
