import { execFile, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { command, down, fieldOf, up, verb } from './command.ts'
import { cpuTimeMs } from './cpu-time.ts'

/** What a node costs while nobody uses it. */
export interface IdleCost {
  members: number
  /** Sent by a node within an hour, as the kernel counts the bytes of its sockets. NaN where `ss` is missing. */
  bytesPerHour: number
  /** Of one core, 0 to 1. */
  cpuShare: number
  /** Resident; pages of the program that all processes share are in it. */
  rssBytes: number
}

const settleMs = 45_000
const watchMs = 60_000
/** Nodes that join and start at once. */
const atOnce = 4

const run = promisify(execFile)
const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Bytes that each open TCP socket of these processes has sent, by its two ends. */
const sentBytes = async (pids: ReadonlySet<number>): Promise<Map<string, number>> => {
  const { stdout } = await run('ss', ['-tniHOp'], { maxBuffer: 64 * 1024 * 1024 })
  const sockets = new Map<string, number>()
  for (const line of stdout.split('\n')) {
    const pid = Number(/pid=(\d+)/.exec(line)?.[1])
    const [, , , local, remote] = line.split(/\s+/)
    if (pids.has(pid)) sockets.set(`${local} ${remote}`, Number(/bytes_sent:(\d+)/.exec(line)?.[1] ?? 0))
  }
  return sockets
}

const rssOf = (pid: number): number =>
  1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN)

const knownTo = async (stateDir: string): Promise<number> => {
  const { stdout } = await run(process.execPath, [command, 'peers', '--json', '--state-dir', stateDir])
  const peers: unknown = JSON.parse(stdout)
  const list: unknown = Array.isArray(peers) ? peers : Object(peers)['peers']
  return Array.isArray(list) ? list.length : 0
}

const measure = async (members: number): Promise<IdleCost> => {
  const scratch = await mkdtemp(join(tmpdir(), 'mesh-bench-'))
  const nodes: ChildProcess[] = []
  try {
    const founder = join(scratch, '0')
    await verb(founder, 'network', 'create', '--name', 'node-0')
    nodes.push(await up(founder))
    const ticket = fieldOf(await verb(founder, 'invite', '--uses', String(members)), 'ticket')
    const enter = async (number: number): Promise<void> => {
      const stateDir = join(scratch, String(number))
      await verb(stateDir, 'join', ticket, '--name', `node-${number}`)
      nodes.push(await up(stateDir))
    }
    for (let from = 1; from < members; from += atOnce)
      await Promise.all(Array.from({ length: Math.min(atOnce, members - from) }, async (_, at) => enter(from + at)))
    while ((await knownTo(founder)) < members - 1) await pause(1_000)
    await pause(settleMs)
    const pids = nodes.map(({ pid = 0 }) => pid)
    const count = async (): Promise<Map<string, number>> =>
      sentBytes(new Set(pids)).catch(() => new Map<string, number>())
    const before = { sockets: await count(), cpuMs: pids.map(cpuTimeMs), atMs: performance.now() }
    await pause(watchMs)
    const tookMs = performance.now() - before.atMs
    const cpuMs = pids.reduce((sum, pid, at) => sum + cpuTimeMs(pid) - (before.cpuMs[at] ?? 0), 0)
    const after = await count()
    const sent = [...after].reduce((sum, [socket, bytes]) => sum + bytes - (before.sockets.get(socket) ?? 0), 0)
    return {
      members,
      bytesPerHour: after.size === 0 ? Number.NaN : (sent / members / tookMs) * 3_600_000,
      cpuShare: cpuMs / tookMs / members,
      rssBytes: pids.reduce((sum, pid) => sum + rssOf(pid), 0) / members
    }
  } finally {
    await Promise.all(nodes.map(down))
    await rm(scratch, { recursive: true, force: true })
  }
}

/** A node of a small mesh and of a larger one, idle, each a process of its own. */
export const measureIdle = async (): Promise<IdleCost[]> => [await measure(10), await measure(50)]

/** Lines for people. */
export const idleTable = (costs: readonly IdleCost[]): string[] => [
  'an idle node of           sent an hour    of a core       memory',
  ...costs.map(({ members, bytesPerHour, cpuShare, rssBytes }) => {
    const sent = Number.isNaN(bytesPerHour) ? 'no ss here' : `${(bytesPerHour / 1e6).toFixed(1)} MB`
    const cells = [
      sent.padStart(14),
      `${(100 * cpuShare).toFixed(2)} %`.padStart(12),
      `${(rssBytes / 2 ** 20).toFixed(0)} MiB`.padStart(12)
    ]
    return `  ${`${members} members`.padEnd(22)}${cells.join(' ')}`
  })
]
