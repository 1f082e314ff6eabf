import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, down, up } from './command.ts'
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

const run = async (args: string[]): Promise<number> => {
  const began = performance.now()
  const child = spawn(process.execPath, args, { stdio: 'ignore' })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${String(code)}`)
  return performance.now() - began
}

const timedUp = async (stateDir: string): Promise<{ child: ChildProcess; readyMs: number }> => {
  const began = performance.now()
  const child = await up(stateDir)
  return { child, readyMs: performance.now() - began }
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
      const { child, readyMs } = await timedUp(stateDir)
      await down(child)
      return readyMs
    })
    const child = await up(stateDir)
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
