import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { limits } from '@agent-mesh/wire/limits'
import { parseOrder, readLine, type Hello, type Order, type PlainOffer, type Taken } from './order.ts'

/** A client that does not say in this time what it wants is cut off. */
const orderTimeoutMs = 5_000

/** What a connection may last beyond the seconds that were asked for: opening, and the bytes that are under way. */
const graceMs = 15_000

const chunk = randomBytes(256 * 1024)

/** What a bench knows of the node beside it. */
export interface Desk {
  /** Processor time of the node up to this moment, in seconds; undefined where it does not tell. */
  cpuSeconds: () => Promise<number | undefined>
  /** A port for plain TCP, towards one peer. */
  offerPlain: (peerId: string) => Promise<PlainOffer>
}

const answer = (socket: Socket, document: Hello | PlainOffer | Taken | { seconds?: number }): void => {
  socket.end(`${JSON.stringify(document)}\n`)
}

const take = async (socket: Socket): Promise<Taken> => {
  let bytes = 0
  let firstMs = 0
  socket.on('data', (part: Buffer) => {
    if (bytes === 0) firstMs = performance.now()
    bytes += part.length
  })
  socket.resume()
  await once(socket, 'end')
  return { bytes, ms: bytes === 0 ? 0 : performance.now() - firstMs }
}

/** Writes as fast as the other side reads, for so long. @returns what was written, in bytes */
export const pour = async (socket: Socket, ms: number): Promise<number> => {
  const untilMs = performance.now() + ms
  let bytes = 0
  while (performance.now() < untilMs && socket.writable) {
    bytes += chunk.length
    if (!socket.write(chunk)) await once(socket, 'drain')
  }
  return bytes
}

const obey = async (socket: Socket, order: Order, desk: Desk): Promise<void> => {
  switch (order.do) {
    case 'source':
      await pour(socket, order.seconds * 1_000)
      socket.end()
      return
    case 'plain':
      answer(socket, await desk.offerPlain(order.peerId))
      return
    case 'cpu': {
      const seconds = await desk.cpuSeconds()
      answer(socket, seconds === undefined ? {} : { seconds })
      return
    }
    case 'sink':
      answer(socket, await take(socket))
      return
    case 'echo':
      socket.pipe(socket)
      return
    case 'hello':
      answer(socket, { bench: 1 })
  }
}

/**
 * A server that takes, sends and echoes bytes, each for a limited time, on as many connections as {@link limits} allow.
 * @param token - without it in the order a connection is closed; undefined where the mesh has asked who it is already
 */
export const createBenchServer = (desk: Desk, token?: string): Server => {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const lifetime = setTimeout(() => socket.destroy(), limits.benchSeconds * 1_000 + graceMs)
    socket.once('close', () => clearTimeout(lifetime))
    // The client learns of it by the end of its connection.
    socket.on('error', () => {})
    const serveIt = async (): Promise<void> => {
      const said = parseOrder(await readLine(socket, orderTimeoutMs))
      if (said.token === token) await obey(socket, said.order, desk)
      else socket.destroy()
    }
    serveIt().catch(() => socket.destroy())
  })
  server.maxConnections = limits.benchConnections
  return server
}
