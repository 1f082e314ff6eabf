import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { delimiter, join } from 'node:path'
import { watchPid } from './cleanup.ts'
import { meshNodeBin } from './mesh-node-bin.ts'

/** Root of the repository. */
export const rootDir = join(import.meta.dirname, '../../..')

export { meshNodeBin }

export interface RunOptions {
  stateDir?: string
  env?: Record<string, string>
  cwd?: string
  /** Bytes for stdin, which is closed after them. */
  input?: string | Buffer
  timeoutMs?: number
}

export interface RunResult {
  /** Null where a signal ended it. */
  code: number | null
  stdout: string
  stderr: string
  elapsedMs: number
}

/** Settings of the person who runs the tests must not reach a node under test. */
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('MESH_') && !name.startsWith('XDG_'))
)

/** Environment of a program that is to find `mesh-node` and a Node that runs it on its path. */
const environment = ({ stateDir, env = {} }: Pick<RunOptions, 'stateDir' | 'env'> = {}): NodeJS.ProcessEnv => ({
  ...inherited,
  NO_COLOR: '1',
  PATH: [join(rootDir, 'node_modules/.bin'), process.env['PATH'] ?? ''].join(delimiter),
  ...(stateDir === undefined ? {} : { MESH_STATE_DIR: stateDir }),
  ...env
})

/** Starts a program that is killed with the tests at the latest. */
export const start = (program: string, args: readonly string[], options: RunOptions = {}): ChildProcess => {
  const child = spawn(program, args, {
    cwd: options.cwd ?? rootDir,
    env: environment(options),
    stdio: ['pipe', 'pipe', 'pipe']
  })
  if (child.pid !== undefined) {
    const forget = watchPid(child.pid)
    child.once('exit', forget)
  }
  return child
}

/** Runs a program to its end. @throws Error where it does not end in time */
export const run = async (program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> => {
  const startedMs = performance.now()
  const child = start(program, args, options)
  const output = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
  })
  // A program that ends without reading its input is judged by its exit code.
  child.stdin?.on('error', () => {})
  child.stdin?.end(options.input)
  const timeoutMs = options.timeoutMs ?? 60_000
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, timeoutMs)
  try {
    await once(child, 'close')
  } finally {
    clearTimeout(timer)
  }
  const call = [program, ...args].join(' ')
  if (isLate) throw new Error(`${call} did not end in ${timeoutMs} ms\n${output.stdout}${output.stderr}`)
  return { code: child.exitCode, ...output, elapsedMs: performance.now() - startedMs }
}

/** Runs `mesh-node` with arguments as a person types them. */
export const meshNode = async (args: readonly string[], options: RunOptions = {}): Promise<RunResult> =>
  run(process.execPath, [meshNodeBin, ...args], options)

interface Schema<T> {
  parse: (value: unknown) => T
}

/** Runs a verb with `--json` and checks what it prints. @throws Error with all output where it fails */
export const meshNodeJson = async <T>(
  schema: Schema<T>,
  args: readonly string[],
  options: RunOptions = {}
): Promise<T> => {
  const { code, stdout, stderr } = await meshNode([...args, '--json'], options)
  if (code !== 0) throw new Error(`mesh-node ${args.join(' ')} ended with ${code}\n${stdout}${stderr}`)
  return schema.parse(JSON.parse(stdout))
}
