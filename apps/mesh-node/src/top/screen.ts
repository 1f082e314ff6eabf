import type { ReadStream, WriteStream } from 'node:tty'

const enter = '\u001B[?1049h\u001B[?25l\u001B[?7l'
const leave = '\u001B[?7h\u001B[?25h\u001B[?1049l'
const home = '\u001B[H'
const restOfLine = '\u001B[K'
const restOfScreen = '\u001B[J'

/** The other screen of a terminal, without cursor and without wrapping; the first one comes back when it is left. */
export class Screen {
  readonly #output: WriteStream
  readonly #input: ReadStream
  #isOpen = false
  readonly #restore = (): void => this.close()

  constructor(output: WriteStream, input: ReadStream) {
    this.#output = output
    this.#input = input
  }

  get columns(): number {
    return this.#output.columns
  }

  get lines(): number {
    return this.#output.rows
  }

  open(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#input.setRawMode(true)
    this.#output.write(enter)
    // However the process ends, its terminal is as it was.
    process.on('exit', this.#restore)
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    process.off('exit', this.#restore)
    this.#output.write(leave)
    this.#input.setRawMode(false)
  }

  /** Puts these lines in the place of whatever is there; what does not fit is left out. */
  draw(lines: string[]): void {
    if (!this.#isOpen) return
    const fitting = lines.slice(0, this.lines)
    this.#output.write(`${home}${fitting.map((line) => `${line}${restOfLine}`).join('\r\n')}${restOfScreen}`)
  }
}
