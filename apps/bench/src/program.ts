import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { atEnd } from './at-end.ts'
import { cpuTimeMs } from './cpu-time.ts'
import type { Host } from './place/place.ts'

const pollMs = 20
const readyTimeoutMs = 60_000

/** A program that ends by itself and has not by then is killed: the longest carries 1 GiB over the slowest way. */
const finishTimeoutMs = 300_000

/** Where a program is installed; undefined where it is not. Folders for administrators are looked into as well. */
export const pathOf = (program: string): string | undefined => {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/go/bin']
  return folders
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** The first of these that is not installed, as a reason to leave somebody out. */
export const whyMissing = (...programs: string[]): string | undefined => {
  const missing = programs.find((program) => pathOf(program) === undefined)
  return missing === undefined ? undefined : `${missing} is not installed`
}

/** A program that runs until it is stopped. Its output is kept for the error that says why it ended. */
export interface Running {
  pid: number
  child: ChildProcess
  stop: () => Promise<void>
}

const lastLines = (said: string): string => said.trim().split('\n').slice(-3).join(' / ')

/** Starts a program on a side and forgets its output, unless it ends before it is stopped. */
export const start = (side: Host, program: string, ...args: string[]): Running => {
  const [file, list] = side.command(pathOf(program) ?? program, ...args)
  const child = spawn(file, list, { stdio: ['ignore', 'pipe', 'pipe'] })
  const forget = atEnd(() => child.kill('SIGKILL'))
  let said = ''
  let isStopping = false
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2_000)))
  child.once('exit', (code, signal) => {
    forget()
    if (!isStopping) process.stderr.write(`bench: ${program} ended with ${signal ?? code}: ${lastLines(said)}\n`)
  })
  const stop = async (): Promise<void> => {
    isStopping = true
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
    await ended
    clearTimeout(timer)
  }
  return { pid: child.pid ?? 0, child, stop }
}

/** Runs a program on a side to its end. @returns what it printed */
export const finish = async (side: Host, program: string, ...args: string[]): Promise<string> => {
  const [file, list] = side.command(pathOf(program) ?? program, ...args)
  const child = spawn(file, list, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: finishTimeoutMs,
    killSignal: 'SIGKILL'
  })
  const ended = once(child, 'exit')
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code, signal] = await ended
  if (code !== 0)
    throw new Error(`${program} ${args.join(' ')} ended with ${String(code ?? signal)}: ${lastLines(err + out)}`)
  return out
}

/** Asks until the answer is yes. @throws Error that names what was waited for */
export const until = async (what: string, isSo: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + readyTimeoutMs
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${readyTimeoutMs / 1_000} s`)
    await wait(pollMs)
  }
}

/** A port that nobody uses at present. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('a server has no port')
  return address.port
}

/** Waits until somebody listens on a TCP port of a side, as the kernel of Linux lists it. */
export const untilListening = async (side: Host, port: number): Promise<void> => {
  const listening = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')} [0-9A-F]+:0000 0A `)
  await until(`listening on port ${port}`, async () =>
    listening.test(await finish(side, 'cat', '/proc/net/tcp', '/proc/net/tcp6'))
  )
}

const childrenOf = (pid: number): number[] => {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
    )
  } catch {
    return []
  }
}

/** A process and all that it started. */
const withDescendants = (pid: number): number[] => [pid, ...childrenOf(pid).flatMap(withDescendants)]

/** Processor time of these processes and of what they started, in milliseconds. */
export const cpuOf = (pids: readonly number[]): number =>
  [...new Set(pids.flatMap(withDescendants))].reduce((sum, pid) => sum + (cpuTimeMs(pid) || 0), 0)

/** Resident memory of the largest of these processes and of what they started, in bytes. */
export const rssOf = (pids: readonly number[]): number =>
  Math.max(
    0,
    ...pids.flatMap(withDescendants).map((pid) => {
      try {
        return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
      } catch {
        return 0
      }
    })
  )
