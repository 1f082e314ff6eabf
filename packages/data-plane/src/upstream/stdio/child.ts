import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { Duplex } from 'node:stream'
import { MeshError } from '@agent-mesh/wire'
import { StderrLines } from './stderr-lines.ts'

export interface StdioChildInit {
  /** The program and its arguments. */
  command: readonly string[]
  /** Beside the environment of the node. */
  env: Record<string, string>
  onStderr?: ((line: string) => void) | undefined
}

/** From the end of the tunnel, or from a plea to end, to the end by force. */
const graceMs = 5_000

/**
 * A program as one byte stream: what is written is its standard input, what is read its standard output. It runs in a
 * process group of its own, which ends with the stream. `end()` closes its input and lets it finish; an exit code other
 * than 0 ends the stream with UPSTREAM_EXITED after all of its output.
 */
export class StdioChild extends Duplex {
  readonly #child: ChildProcessWithoutNullStreams
  #onDrained: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined
  #hasExited = false
  #isOutputOver = false

  constructor({ command: [program = '', ...args], env, onStderr }: StdioChildInit) {
    super({ allowHalfOpen: true })
    this.#child = spawn(program, args, {
      stdio: 'pipe',
      // a group of its own, so that whatever it starts ends with it
      detached: true,
      env: { ...process.env, ...env }
    })
    const { stdin, stdout, stderr } = this.#child
    const lines = new StderrLines((line) => onStderr?.(line))
    stderr.setEncoding('utf8').on('data', (text: string) => lines.push(text))
    stderr.once('end', () => lines.end())
    stdin.on('error', () => {}) // it may close its input whenever it likes
    stdin.on('drain', () => this.#drained())
    stdin.once('close', () => this.#drained())
    stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stdout.pause()
    })
    this.#child.once('error', (err) => {
      this.#hasExited = true
      this.destroy(
        new MeshError('UPSTREAM_UNREACHABLE', `${program} cannot be started: ${err.message}.`, { cause: err })
      )
    })
    // after its exit and the end of its output, which a child of its own may keep open
    this.#child.once('close', (code, signal) => this.#onClose(program, code, signal))
    this.#child.once('exit', () => {
      this.#hasExited = true
      if (!this.#isOutputOver) this.#timer ??= setTimeout(() => this.#kill('SIGKILL'), graceMs)
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Resolves when the program runs. @throws MeshError UPSTREAM_UNREACHABLE */
  async started(): Promise<void> {
    if (this.#child.pid !== undefined) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.once('error', reject)
    this.#child.once('spawn', resolve)
    await promise
  }

  #onClose(program: string, code: number | null, signal: NodeJS.Signals | null): void {
    this.#isOutputOver = true
    // those that it started and left behind
    this.#kill('SIGKILL')
    clearTimeout(this.#timer)
    if (this.destroyed) return
    if (code !== 0) {
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`
      this.destroy(new MeshError('UPSTREAM_EXITED', `${program} ended ${how}.`))
      return
    }
    this.push(null)
    if (!this.writableEnded) this.end()
  }

  #drained(): void {
    const done = this.#onDrained
    this.#onDrained = undefined
    done?.()
  }

  #kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch {
      // the whole group is gone
    }
  }

  override _read(): void {
    this.#child.stdout.resume()
  }

  override _write(chunk: Uint8Array, _: BufferEncoding, done: (err?: Error | null) => void): void {
    const { stdin } = this.#child
    if (!stdin.writable || stdin.write(chunk)) done()
    else this.#onDrained = done
  }

  override _final(done: (err?: Error | null) => void): void {
    this.#child.stdin.end()
    done()
  }

  override _destroy(err: Error | null, done: (err?: Error | null) => void): void {
    if (!this.#isOutputOver && !this.#hasExited) {
      this.#child.stdin.destroy()
      this.#child.stdout.destroy()
      this.#kill('SIGTERM')
      this.#timer ??= setTimeout(() => this.#kill('SIGKILL'), graceMs)
    } else if (!this.#isOutputOver) {
      this.#child.stdout.destroy()
      this.#kill('SIGKILL')
    }
    done(err)
  }
}
