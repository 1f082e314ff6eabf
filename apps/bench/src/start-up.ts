import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { median } from './median.ts'

/** Medians in milliseconds of wall time. */
export interface StartUp {
  /** `node -e 0`: what no command can be faster than. */
  bareNodeMs: number
  /** `mesh-node status` against a running node. */
  statusMs: number
  /** `mesh-node up` to its `ready` line. */
  upToReadyMs: number
  rounds: number
}

const ms = (value: number): string => `${value.toFixed(0)} ms`.padStart(9)

/** Lines for people. */
export const startUpTable = ({ bareNodeMs, statusMs, upToReadyMs }: StartUp): string[] => [
  `node -e 0            ${ms(bareNodeMs)}`,
  `mesh-node status     ${ms(statusMs)}`,
  `mesh-node up, ready  ${ms(upToReadyMs)}`
]

const command = join(dirname(createRequire(import.meta.url).resolve('mesh-node/package.json')), 'bin', 'mesh-node.js')

const run = async (args: string[]): Promise<number> => {
  const began = performance.now()
  const child = spawn(process.execPath, args, { stdio: 'ignore' })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${String(code)}`)
  return performance.now() - began
}

const up = async (stateDir: string): Promise<{ child: ChildProcess; readyMs: number }> => {
  const began = performance.now()
  const child = spawn(
    process.execPath,
    [command, 'up', '--json', '--listen', '/ip4/127.0.0.1/tcp/0', '--log-level', 'silent', '--state-dir', stateDir],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  if (child.stdout === null) throw new Error('no stdout')
  for await (const line of createInterface(child.stdout)) {
    if (line.includes('"ready"')) return { child, readyMs: performance.now() - began }
  }
  throw new Error('the node ended before it was ready')
}

const down = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

const repeat = async (rounds: number, once_: () => Promise<number>): Promise<number> => {
  const samples: number[] = []
  for (let round = 0; round < rounds; round++) samples.push(await once_())
  return median(samples)
}

/** Starts real processes on a state directory of its own, on 127.0.0.1 alone, and removes everything. */
export const measureStartUp = async (rounds: number): Promise<StartUp> => {
  const stateDir = await mkdtemp(join(tmpdir(), 'mesh-bench-'))
  try {
    await run([command, 'network', 'create', '--name', 'bench', '--state-dir', stateDir])
    const upToReadyMs = await repeat(rounds, async () => {
      const { child, readyMs } = await up(stateDir)
      await down(child)
      return readyMs
    })
    const { child } = await up(stateDir)
    try {
      const bareNodeMs = await repeat(rounds, async () => run(['-e', '0']))
      const statusMs = await repeat(rounds, async () => run([command, 'status', '--json', '--state-dir', stateDir]))
      return { bareNodeMs, statusMs, upToReadyMs, rounds }
    } finally {
      await down(child)
    }
  } finally {
    await rm(stateDir, { recursive: true, force: true })
  }
}
