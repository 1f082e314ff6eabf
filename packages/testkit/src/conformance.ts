/** One thing that a standard says, and how it is found out whether it holds. */
export interface ConformanceRow<Rig> {
  /** `RFC 1928 §6`. */
  section: string
  /** In words, what is expected. */
  what: string
  /** Throws where it does not hold. */
  check: (rig: Rig) => Promise<void> | void
}

/** What was found of the rows of one standard, for people. */
export class ConformanceTable {
  readonly #title: string
  readonly #lines: string[] = []
  #kept = 0

  constructor(title: string) {
    this.#title = title
  }

  async check<Rig>({ section, what, check }: ConformanceRow<Rig>, rig: Rig): Promise<void> {
    const line = `${section.padEnd(18)} ${what}`
    const at = this.#lines.push(`  FAILS ${line}`) - 1
    await check(rig)
    this.#kept += 1
    this.#lines[at] = `  holds ${line}`
  }

  get text(): string {
    return [`${this.#title}: ${this.#kept} of ${this.#lines.length} hold`, ...this.#lines, ''].join('\n')
  }
}
