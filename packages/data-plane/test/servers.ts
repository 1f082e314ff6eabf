import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { listen } from './libp2p-pair.ts'

/** A TCP service for a test; `sockets` are its open connections. */
export interface TestService {
  port: number
  address: string
  server: Server
  sockets: Set<Socket>
  /** Connections so far. */
  accepted: () => number
  stop: () => void
}

export const startService = async (serve: (socket: Socket) => void): Promise<TestService> => {
  const sockets = new Set<Socket>()
  let accepted = 0
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    serve(socket)
  })
  const port = await listen(server)
  return {
    port,
    address: `tcp://127.0.0.1:${port}`,
    server,
    sockets,
    accepted: () => accepted,
    stop: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    }
  }
}

/** Sends everything back, and its end after the client's end. */
export const echo = (socket: Socket): void => {
  socket.pipe(socket)
}

/** Reads to the end of the request, then answers with its length and hash. */
export const digest = (socket: Socket): void => {
  const hash = createHash('sha256')
  let length = 0
  socket.on('data', (data) => {
    hash.update(data)
    length += data.length
  })
  socket.once('end', () => {
    socket.end(`${length} ${hash.digest('hex')}`)
  })
}

/** What {@link digest} answers. */
export const digestOf = (data: Uint8Array): string =>
  `${data.length} ${createHash('sha256').update(data).digest('hex')}`

/** How a client connection ended, and what it read until then. */
export interface Received {
  data: Buffer
  /** Code of the error that cut it; undefined after a clean end. */
  error: string | undefined
}

/** A client that allows half-open connections and reads everything. */
export const openClient = (port: number): { socket: Socket; received: Promise<Received> } => {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  const parts: Buffer[] = []
  let error: string | undefined
  let hasEnded = false
  socket.on('data', (data) => parts.push(data))
  socket.on('error', (err) => {
    error = 'code' in err ? String(err.code) : err.message
  })
  socket.once('end', () => {
    hasEnded = true
  })
  const received = once(socket, 'close').then(
    () => ({ data: Buffer.concat(parts), error: error ?? (hasEnded ? undefined : 'CLOSED') }),
    (err: unknown) => {
      if (err instanceof Error && 'code' in err) return { data: Buffer.concat(parts), error: String(err.code) }
      throw err
    }
  )
  return { socket, received }
}

/** Sends all, ends, and reads to the end. */
export const request = async (port: number, data: Uint8Array): Promise<Received> => {
  const { socket, received } = openClient(port)
  socket.end(data)
  return received
}

export const bytes = (length: number): Buffer => randomBytes(length)
