import { once } from 'node:events'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { onCleanup } from './cleanup.ts'

/** How a connection ended for its client. */
export interface Ending {
  received: Buffer
  /** The other side said that nothing more comes. */
  isClean: boolean
  /** Code of the socket error, such as ECONNRESET. */
  error?: string
}

/** A connection on which each side may end alone. */
export const openSocket = async (to: NetConnectOpts): Promise<Socket> => {
  const socket = connect({ ...to, allowHalfOpen: true })
  await once(socket, 'connect')
  onCleanup(() => {
    socket.destroy()
  })
  return socket
}

/** Reads until the connection is over, however it ends. */
export const readToEnd = async (socket: Socket): Promise<Ending> => {
  const chunks: Buffer[] = []
  const ending: Ending = { received: Buffer.alloc(0), isClean: false }
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('end', () => {
    ending.isClean = true
    if (socket.writableEnded) resolve()
  })
  socket.on('finish', () => {
    if (ending.isClean) resolve()
  })
  socket.on('error', (err) => {
    ending.error = 'code' in err ? String(err.code) : err.message
  })
  socket.on('close', () => resolve())
  await promise
  return { ...ending, received: Buffer.concat(chunks) }
}
