import { emptyVerbState, type StateFiles, type VerbState } from './documents.ts'

/** What the verbs have set: kept in memory, on disk before a verb answers. */
export class VerbStore {
  readonly #files: StateFiles
  #state: VerbState

  private constructor(files: StateFiles, state: VerbState) {
    this.#files = files
    this.#state = state
  }

  /** @throws MeshError STATE_DAMAGED, STATE_UNREADABLE */
  static async open(files: StateFiles): Promise<VerbStore> {
    return new VerbStore(files, (await files.verbs.read()) ?? emptyVerbState())
  }

  get state(): Readonly<VerbState> {
    return this.#state
  }

  /** Seen by later updates at once; taken back where it cannot be written. */
  async update(change: (state: Readonly<VerbState>) => VerbState): Promise<void> {
    const next = change(this.#state)
    const before = this.#state
    this.#state = next
    try {
      await this.#files.verbs.write(next)
    } catch (err) {
      if (this.#state === next) this.#state = before
      throw err
    }
  }
}
