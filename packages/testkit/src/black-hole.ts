import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Listens, says on which port, and never accepts: its loop is blocked for good. */
const program = `
const server = require('node:net').createServer()
server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
  require('node:fs').writeSync(1, String(server.address().port))
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})`

/** A port of 127.0.0.1 that neither accepts nor refuses: its backlog is full and nobody takes from it. */
export const startBlackHole = async (): Promise<{ port: number; stop: () => Promise<void> }> => {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [output] = await once(child.stdout, 'data')
  const port = Number(String(output))
  const fillers: Socket[] = []
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port })
    socket.on('error', () => {})
    fillers.push(socket)
    const isTaken = await Promise.race([
      once(socket, 'connect').then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 100))
    ])
    if (!isTaken) break
  }
  return {
    port,
    stop: async () => {
      for (const socket of fillers) socket.destroy()
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
}
