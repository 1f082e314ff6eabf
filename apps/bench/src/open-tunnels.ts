import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { limits } from '@agent-mesh/wire'
import { atEnd } from './at-end.ts'
import { fieldOf, verb } from './command.ts'
import { mesh } from './contenders/mesh.ts'
import { createLoopback } from './place/loopback.ts'
import { rssOf } from './program.ts'
import type { Path } from './contenders/contender.ts'

/** All tunnels that a peer may have, open at once and idle, and what happens to one more. */
export interface OpenTunnels {
  tunnels: number
  tookMs: number
  /** Of the serving node and of the one with the forward, before and while they are open, in bytes. */
  memory: Array<{ idle: number; open: number }>
  /** Why the next was refused, as the forward says; undefined where it was not. */
  code: string | undefined
}

/** At once; each waits until a byte has been there and back. */
const atOnce = 32
const answerTimeoutMs = 60_000

const startEcho = async (): Promise<{ server: Server; port: number }> => {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  }).listen({ host: '127.0.0.1', port: 0, backlog: 8_192 })
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the echo has no port')
  return { server, port: address.port }
}

/** @returns whether a byte came back */
const use = async (socket: Socket): Promise<boolean> => {
  socket.on('error', () => socket.destroy())
  socket.write('x')
  const signal = AbortSignal.timeout(answerTimeoutMs)
  const ended = once(socket, 'close', { signal }).then(() => false)
  return Promise.race([once(socket, 'data', { signal }).then(() => true), ended]).catch(() => false)
}

const openMost = async ({ ends }: Path, sockets: Socket[]): Promise<void> => {
  const [end] = ends
  if (end === undefined) throw new Error('there is no forward')
  const opener = async (): Promise<void> => {
    while (sockets.length < limits.tunnelsPerPeer) {
      const socket = connect({ ...end, noDelay: true })
      sockets.push(socket)
      if (!(await use(socket))) throw new Error(`tunnel ${sockets.length} of ${limits.tunnelsPerPeer} did not open`)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, opener))
}

const codeOfNext = async ({ ends }: Path, stateDir: string): Promise<string | undefined> => {
  const [end] = ends
  if (end === undefined) return undefined
  const socket = connect({ ...end, noDelay: true })
  const isOpen = await use(socket)
  socket.destroy()
  return isOpen ? undefined : fieldOf(await verb(stateDir, 'forward', '--list'), 'forwards', '0', 'lastError', 'code')
}

/** Two nodes on 127.0.0.1; the service and its clients are in this process. */
export const measureOpenTunnels = async (): Promise<OpenTunnels> => {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-bench-'))
  const { server, port } = await startEcho()
  const sockets: Socket[] = []
  let path: Path | undefined
  const forget = atEnd(() => rmSync(folder, { recursive: true, force: true }))
  try {
    path = await mesh.open(createLoopback('nothing else is compared'), [port], folder)
    const idle = path.pids.map((pid) => rssOf([pid]))
    const began = performance.now()
    await openMost(path, sockets)
    const tookMs = performance.now() - began
    const memory = path.pids.map((pid, i) => ({ idle: idle[i] ?? Number.NaN, open: rssOf([pid]) }))
    return { tunnels: sockets.length, tookMs, memory, code: await codeOfNext(path, join(folder, 'bob')) }
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
    await path?.close()
    forget()
    await rm(folder, { recursive: true, force: true })
  }
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`

/** Lines for people. */
export const openTunnelsTable = ({ tunnels, tookMs, memory, code }: OpenTunnels): string[] => [
  `${tunnels} tunnels open at once, within ${(tookMs / 1_000).toFixed(1)} s; the next: ${code ?? 'was let in'}`,
  ...memory.map(({ idle, open }, i) => {
    const each = ((open - idle) / tunnels / 1_024).toFixed(1)
    return `  ${i === 0 ? 'serving node' : 'forwarding node'}: ${mib(idle)} idle, ${mib(open)} with them, ${each} KiB each`
  })
]
