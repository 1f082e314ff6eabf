import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** Root of the repository. */
const rootDir = join(import.meta.dirname, '../..')

const meshNodeBin = join(rootDir, 'apps/mesh-node/bin/mesh-node.js')

/** Settings of the person who runs the demo must not reach its nodes. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MESH_')))

const running = new Set<ChildProcess>()

/** A program that keeps running, and its first line of output. */
export interface Running {
  pid: number
  firstLine: string
  /** What it wrote to stderr, the last lines. */
  log: string[]
  /** Ends it with a signal and waits until it is gone. @returns the exit code, or the name of the signal */
  end: (signal: NodeJS.Signals) => Promise<number | string>
}

const endOf = async (child: ChildProcess, signal: NodeJS.Signals): Promise<number | string> => {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, 'exit')
    child.kill(signal)
    await exit
  }
  return child.exitCode ?? child.signalCode ?? signal
}

/** Starts a Node program and waits for its first line. @throws Error with its log where it ends or stays silent */
export const startProgram = async (args: readonly string[], env: Record<string, string> = {}): Promise<Running> => {
  const child = spawn(process.execPath, args, {
    cwd: rootDir,
    env: { ...environment, ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  running.add(child)
  const log: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.push(line)
    if (log.length > 20) log.shift()
  })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const fail = (why: string): void => reject(new Error(`${args.join(' ')} ${why}\n${log.join('\n')}`))
  const timer = setTimeout(fail, 20_000, 'said nothing for 20 s')
  createInterface({ input: child.stdout }).on('line', resolve)
  child.once('close', (code, signal) => {
    running.delete(child)
    fail(`ended with ${code ?? signal}`)
  })
  try {
    const firstLine = await promise
    return { pid: child.pid ?? 0, firstLine, log, end: async (signal) => endOf(child, signal) }
  } finally {
    clearTimeout(timer)
  }
}

/** Starts `mesh-node up` on a state directory. */
export const startNode = async (stateDir: string): Promise<Running> =>
  startProgram([meshNodeBin, 'up', '--json', '--listen', '/ip4/127.0.0.1/tcp/0', '--log-level', 'error'], {
    MESH_STATE_DIR: stateDir
  })

export interface Output {
  code: number
  stdout: string
  stderr: string
}

/** Runs a verb to its end, with `--json`. */
export const meshNode = async (stateDir: string, args: readonly string[]): Promise<Output> => {
  const { promise, resolve } = Promise.withResolvers<Output>()
  execFile(
    process.execPath,
    [meshNodeBin, ...args, '--json'],
    { cwd: rootDir, env: { ...environment, MESH_STATE_DIR: stateDir }, timeout: 40_000 },
    (err, stdout, stderr) =>
      resolve({ code: err === null ? 0 : typeof err.code === 'number' ? err.code : -1, stdout, stderr })
  )
  return promise
}

/** Ends whatever still runs. */
export const endAll = async (): Promise<void> => {
  await Promise.all([...running].map(async (child) => endOf(child, 'SIGKILL')))
}
