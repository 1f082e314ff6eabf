import { writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { makeScratchDir, onCleanup } from './cleanup.ts'
import { freePort, listenLocally } from './local-server.ts'
import type { UpOptions } from './mesh-process.ts'

type Side = 'left' | 'right'

/** Two groups of processes, between which connections can be held up or cut, while those inside each go on. */
export interface Divide {
  /** How a node of this side is started, and where it listens. */
  up: (side: Side) => Promise<UpOptions>
  /** From now on no byte crosses. `held`: they wait, as packets do that are sent again; `cut`: connections break. */
  part: (how: 'held' | 'cut') => void
  heal: () => void
}

const preload = pathToFileURL(join(import.meta.dirname, 'divert.ts')).href

export const createDivide = async (): Promise<Divide> => {
  const folder = await makeScratchDir('divide')
  /** For dials from each side: ports of nodes of the other one, and the relay before each. */
  const diverted: Record<Side, Record<number, number>> = { left: {}, right: {} }
  const fileOf = (side: Side): string => join(folder, `${side}.json`)
  const save = async (): Promise<void> => {
    for (const side of ['left', 'right'] as const) await writeFile(fileOf(side), JSON.stringify(diverted[side]))
  }
  const sockets = new Set<Socket>()
  let state: 'open' | 'held' | 'cut' = 'open'
  const settle = (socket: Socket): void => {
    if (state === 'cut') socket.destroy()
    else if (state === 'held') socket.pause()
    else socket.resume()
  }
  const relayTo = async (target: number): Promise<number> => {
    const server = createServer((near) => {
      const far = connect(target, '127.0.0.1')
      for (const [socket, other] of [
        [near, far],
        [far, near]
      ] as const) {
        sockets.add(socket)
        socket.on('data', (bytes) => other.write(bytes))
        socket.on('end', () => other.end())
        socket.on('error', () => other.destroy())
        socket.on('close', () => {
          sockets.delete(socket)
          other.destroy()
        })
        settle(socket)
      }
    })
    const port = await listenLocally(server)
    onCleanup(() => {
      for (const socket of sockets) socket.destroy()
    })
    return port
  }
  const change = (next: typeof state): void => {
    state = next
    for (const socket of sockets) settle(socket)
  }
  await save()
  return {
    up: async (side) => {
      const port = await freePort()
      diverted[side === 'left' ? 'right' : 'left'][port] = await relayTo(port)
      await save()
      return {
        args: ['--listen', `/ip4/127.0.0.1/tcp/${port}`],
        timeoutMs: 120_000,
        env: { MESH_DIVERT: fileOf(side), NODE_OPTIONS: `--no-warnings --import ${preload}` }
      }
    },
    part: change,
    heal: () => change('open')
  }
}
