import { connect, createServer, type Socket } from 'node:net'
import { onCleanup } from './cleanup.ts'
import { listenLocally } from './local-server.ts'

/** How the connection under a tunnel goes away. */
export type Cut = 'close' | 'reset'

/** Stands between two nodes as a cable does: bytes pass, until it is cut. */
export interface CutRelay {
  port: number
  /** Where bytes go; set when the node behind it is up. */
  targetPort: number
  /** Destroys every connection at once. @returns how many there were */
  cut: (how: Cut) => number
}

/** Starts a relay on 127.0.0.1. */
export const startCutRelay = async (): Promise<CutRelay> => {
  const sockets = new Set<Socket>()
  const relay: CutRelay = {
    port: 0,
    targetPort: 0,
    cut: (how) => {
      const count = sockets.size
      for (const socket of sockets) {
        if (how === 'reset') socket.resetAndDestroy()
        else socket.destroy()
      }
      sockets.clear()
      return count
    }
  }
  const server = createServer((near) => {
    const far = connect(relay.targetPort, '127.0.0.1')
    for (const [socket, other] of [
      [near, far],
      [far, near]
    ] as const) {
      sockets.add(socket)
      socket.pipe(other)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  relay.port = await listenLocally(server)
  onCleanup(() => {
    relay.cut('close')
  })
  return relay
}
