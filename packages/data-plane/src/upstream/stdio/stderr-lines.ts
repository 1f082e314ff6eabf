/** Longest piece of a line that is told; the rest of it is dropped. */
const mostCharacters = 1_000

/** Cuts what a program says on its standard error into lines, each bounded. */
export class StderrLines {
  readonly #onLine: (line: string) => void
  #line = ''

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  push(text: string): void {
    const [first = '', ...others] = text.split(/\r?\n/)
    this.#grow(first)
    for (const start of others) {
      this.#tell()
      this.#grow(start)
    }
  }

  end(): void {
    this.#tell()
  }

  #grow(text: string): void {
    this.#line += text.slice(0, Math.max(0, mostCharacters - this.#line.length))
  }

  #tell(): void {
    if (this.#line !== '') this.#onLine(this.#line)
    this.#line = ''
  }
}
