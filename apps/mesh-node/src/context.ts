import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { MeshError } from '@agent-mesh/wire/errors'
import { createClient, type Client } from '@agent-mesh/client'
import { defaultStateDir, locateStateDir, openStateDir, type StateDir } from '@agent-mesh/node/state-dir'
import { inertJson, inertLines, printable } from '@agent-mesh/wire/quote'
import { shellWord } from './text.ts'

/** A wait that is longer than this is told of. */
const silenceMs = 2_000

/** And then again, as often as this. */
const reminderMs = 10_000

/** Longest line for a person who waits. */
const noteLength = 2_000

export interface ContextInit {
  env: NodeJS.ProcessEnv
  /** As typed. */
  stateDir: string | undefined
  isJson: boolean
}

/** What a handler has around it: where the state is, how to reach the node, and how to speak. */
export class Context {
  readonly env: NodeJS.ProcessEnv
  readonly isJson: boolean
  readonly #typedStateDir: string | undefined

  constructor({ env, stateDir, isJson }: ContextInit) {
    this.env = env
    this.isJson = isJson
    this.#typedStateDir = stateDir
  }

  get #path(): string {
    return this.#typedStateDir === undefined ? defaultStateDir(this.env) : resolve(this.#typedStateDir)
  }

  /** @throws MeshError STATE_* */
  openStateDir(): Promise<StateDir> {
    return openStateDir(this.#path)
  }

  /** Absolute path of the state directory, whether there is one or not. */
  get stateDirPath(): string {
    return locateStateDir(this.#path).path
  }

  /** A command for this node to print, with the state directory that was typed. */
  here(command: string): string {
    return this.#typedStateDir === undefined
      ? `mesh-node ${command}`
      : `mesh-node ${command} --state-dir ${shellWord(this.#typedStateDir)}`
  }

  /** Asks the running node. @throws MeshError of the node; NO_DAEMON with what to do about it */
  async ask<T>(question: (client: Client) => Promise<T>): Promise<T> {
    const { path, socketPath } = locateStateDir(this.#path)
    try {
      return await question(createClient({ socketPath }))
    } catch (cause) {
      if (!(cause instanceof MeshError) || cause.code !== 'NO_DAEMON' || cause.message.includes('hung up')) throw cause
      throw existsSync(path)
        ? new MeshError('NO_DAEMON', `No node runs on ${path}.`, { cause, hint: this.here('up') })
        : new MeshError('NO_DAEMON', `No node runs on ${path}: there is no such directory.`, {
            cause,
            hint: `${this.here('network create --name <name>')}, or ${this.here('join <ticket> --name <name>')}`
          })
    }
  }

  /** The one document of this command, or its lines for people. */
  print(document: unknown, lines: () => string[]): void {
    // Whatever a handler has overlooked: text from others never acts on a terminal.
    const text = this.isJson ? inertJson(JSON.stringify(document)) : inertLines(lines().join('\n'))
    if (text !== '') process.stdout.write(`${text}\n`)
  }

  /** A line for a person who waits. */
  note(text: string): void {
    if (!this.isJson) process.stderr.write(`mesh-node: ${printable(text, noteLength)}\n`)
  }

  /** Waits for work, and says what for where it takes long. @param what - goes on with `mesh-node: ` */
  async waiting<T>(what: string, work: Promise<T>): Promise<T> {
    const startedMs = performance.now()
    const remind = (): void => {
      this.note(`${what} … ${Math.round((performance.now() - startedMs) / 1_000)} s`)
      timer = setTimeout(remind, reminderMs)
    }
    let timer = setTimeout(remind, silenceMs)
    try {
      return await work
    } finally {
      clearTimeout(timer)
    }
  }
}
