import { execFile, type ExecFileException } from 'node:child_process'
import { isIP } from 'node:net'

/** What one `ping` came to. `unable`: there is none, or none that can forbid to take packets apart. */
export type PingEnd = { state: 'answered'; rttMs: number } | { state: 'silent' } | { state: 'unable'; reason: string }

/** How `ping` ended, as a process. */
export interface PingRun {
  /** 0 where at least one was answered. Undefined where it could not be started. */
  code: number | undefined
  stdout: string
  stderr: string
}

const icmpBytes = 8
const headerBytes = { 4: 20 + icmpBytes, 6: 40 + icmpBytes } as const

/** @param bytes - of the whole packet */
export const pingArguments = (host: string, bytes: number, waitMs: number): string[] => {
  const header = isIP(host) === 6 ? headerBytes[6] : headerBytes[4]
  // `do`: no router may take it apart, nor this machine; three of them, since any may be lost
  const whole = ['-n', '-M', 'do', '-c', '3', '-i', '0.2', '-W', (waitMs / 1_000).toFixed(2)]
  return [...whole, '-s', String(bytes - header), host]
}

const firstLine = (text: string): string => text.trim().split('\n')[0] ?? ''

/** By the exit codes of iputils: 0 an answer, 1 none, 2 something else. */
export const readPing = ({ code, stdout, stderr }: PingRun): PingEnd => {
  if (code === undefined) return { state: 'unable', reason: 'this system has no ping' }
  const rtt = /\btime=([\d.]+) ms/.exec(stdout)?.[1]
  if (code === 0 && rtt !== undefined) return { state: 'answered', rttMs: Number(rtt) }
  // what is larger than the link, or than routers have told, is refused here and never sent
  if (code === 1 && /\d+ packets? transmitted|message too long/i.test(`${stdout}\n${stderr}`))
    return { state: 'silent' }
  return { state: 'unable', reason: `ping cannot be used: ${firstLine(stderr) || `it ended with ${code}`}` }
}

const codeOf = (error: ExecFileException | null): number | undefined => {
  if (error === null) return 0
  return typeof error.code === 'number' ? error.code : undefined
}

/** Sends three packets of so many bytes that must stay whole, and waits so long for an answer to any. */
export const pingWhole = async (host: string, bytes: number, waitMs: number, signal: AbortSignal): Promise<PingEnd> => {
  if (process.platform !== 'linux') return { state: 'unable', reason: 'only ping of Linux is known here' }
  const { promise, resolve } = Promise.withResolvers<PingRun>()
  const env = { ...process.env, LC_ALL: 'C' }
  const options = { env, signal, timeout: Math.ceil(2 * waitMs) + 1_000 }
  execFile('ping', pingArguments(host, bytes, waitMs), options, (error, stdout, stderr) =>
    resolve({ code: codeOf(error), stdout, stderr })
  )
  const run = await promise
  signal.throwIfAborted()
  return readPing(run)
}
