import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ListenOptions, type Socket } from 'node:net'
import { onCleanup } from '../cleanup.ts'

export interface TcpOrigin {
  /** Zero for a unix socket. */
  port: number
  /** Connections that are open right now. */
  readonly open: number
  /** Bytes that came, on all connections. */
  readonly receivedBytes: number
  /** Error codes with which connections ended; a clean end leaves none. */
  readonly errors: readonly string[]
  /** How connections ended: `end` where the client said so, `reset` where it did not. */
  readonly ends: readonly ('end' | 'reset')[]
}

type Conversation = (socket: Socket, id: string) => void

/** Reads to the end of the client's half, then says who it is and what came, and ends its own half. */
export const answerWithDigest: Conversation = (socket, id) => {
  const hash = createHash('sha256')
  let sizeBytes = 0
  socket.on('data', (chunk) => {
    hash.update(chunk)
    sizeBytes += chunk.length
  })
  socket.on('end', () => socket.end(JSON.stringify({ id, sizeBytes, sha256: hash.digest('hex') })))
}

/** Sends back every byte as it comes, and its own end after the client's. */
export const echoBytes: Conversation = (socket) => {
  socket.pipe(socket)
}

/** Ends its own half at once with a greeting and goes on reading; says at the client's end what came, in `log`. */
export const greetThenListen =
  (log: string[]): Conversation =>
  (socket, id) => {
    let text = ''
    socket.setEncoding('utf8')
    socket.end(`hello from ${id}`)
    socket.on('data', (chunk) => {
      text += String(chunk)
    })
    socket.on('end', () => log.push(text))
  }

/** Answers the first bytes with a reset. */
export const resetAtOnce: Conversation = (socket) => {
  socket.once('data', () => socket.resetAndDestroy())
}

/** Sends without end, as fast as the client reads, after one byte from it. */
export const sendForEver: Conversation = (socket, id) => {
  const block = Buffer.alloc(64 * 1024, id)
  const fill = (): void => {
    while (socket.writable && socket.write(block)) {
      /* until the socket is full */
    }
  }
  socket.once('data', fill)
  socket.on('drain', fill)
}

/** A TCP or unix socket server that holds one kind of conversation. */
export const startTcpOrigin = async (
  id: string,
  converse: Conversation,
  listen: ListenOptions = { host: '127.0.0.1', port: 0 }
): Promise<TcpOrigin> => {
  const sockets = new Set<Socket>()
  const errors: string[] = []
  const ends: Array<'end' | 'reset'> = []
  let receivedBytes = 0
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    let hasEnded = false
    socket.on('end', () => {
      hasEnded = true
    })
    socket.on('error', (err) => errors.push('code' in err ? String(err.code) : err.message))
    socket.on('close', () => {
      sockets.delete(socket)
      ends.push(hasEnded ? 'end' : 'reset')
    })
    socket.on('data', (chunk: Buffer | string) => {
      receivedBytes += chunk.length
    })
    converse(socket, id)
  })
  server.listen(listen)
  await once(server, 'listening')
  onCleanup(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  return {
    port: address !== null && typeof address === 'object' ? address.port : 0,
    errors,
    ends,
    get receivedBytes() {
      return receivedBytes
    },
    get open() {
      return sockets.size
    }
  }
}
