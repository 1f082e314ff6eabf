import { once } from 'node:events'
import { spawnSync } from 'node:child_process'
import { start, type RunOptions } from './command.ts'
import { onCleanup } from './cleanup.ts'

/** Why a program cannot be given a terminal here, for the name of a test; undefined where it can. */
export const withoutTerminals =
  spawnSync('script', ['--version']).error === undefined ? undefined : ' [script is not installed]'

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`

/** A program at a terminal of its own, and whatever it writes there. */
export class Terminal {
  #output = ''
  readonly #child: ReturnType<typeof start>
  readonly #ended: Promise<unknown>

  /** @param words - the program and what it takes; `size` is columns and lines */
  constructor(words: readonly string[], size: readonly [number, number], options: RunOptions) {
    const inner = [
      'echo "tty=$(tty) pid=$$"',
      `stty cols ${size[0]} rows ${size[1]}`,
      words.map(quoted).join(' '),
      'echo "code=$?"',
      'stty -a'
    ].join('; ')
    this.#child = start('script', ['-qfc', `sh -c ${quoted(inner)}`, '/dev/null'], options)
    this.#ended = once(this.#child, 'close')
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text
    })
    onCleanup(() => {
      this.#child.kill('SIGKILL')
    })
  }

  get output(): string {
    return this.#output
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys)
  }

  #fact(name: string): string {
    return new RegExp(`${name}=(\\S+)`).exec(this.#output)?.[1] ?? ''
  }

  resize(columns: number, lines: number): void {
    spawnSync('stty', ['-F', this.#fact('tty'), 'cols', String(columns), 'rows', String(lines)])
  }

  /** Process id of the shell that runs the program. */
  get pid(): number {
    return Number(this.#fact('pid'))
  }

  /** Exit code of the program, once it and its terminal are gone. */
  async end(): Promise<number> {
    await this.#ended
    return Number(this.#fact('code'))
  }
}
