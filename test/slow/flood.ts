/**
 * A program of its own, so that its work is not the measuring program's: opens connections to a port of 127.0.0.1 as
 * fast as it is told, in one of several rude ways, until it is killed.
 *
 *   node flood.ts PORT WAY PER_SECOND
 *
 * Port 0 is a server of its own that drops them: the same work on the same machine, aimed at nobody.
 */
import { connect, createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { randomBytes } from 'node:crypto'

const header = Buffer.from('\u0013/multistream/1.0.0\n')

/** What each connection does once it is there. */
const ways: Readonly<Record<string, (socket: Socket) => void>> = {
  /** Never says a word. */
  silent: () => {},
  /** Begins the handshake, a byte every 300 ms. */
  slow: (socket) => {
    let sent = 0
    const timer = setInterval(() => {
      socket.write(header.subarray(sent % header.length, (sent % header.length) + 1))
      sent += 1
    }, 300)
    socket.once('close', () => clearInterval(timer))
  },
  /** Begins the handshake right, and goes on with noise. */
  garbage: (socket) => {
    socket.write(header)
    socket.write(randomBytes(64 * 1024))
  },
  /** Leaves at once. */
  reset: (socket) => {
    socket.resetAndDestroy()
  }
}

const [port = '', way = '', perSecond = ''] = process.argv.slice(2)
const behave = ways[way]
if (behave === undefined) throw new Error(`no such way: ${way}`)

const openBystander = async (): Promise<number> => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

const target = port === '0' ? await openBystander() : Number(port)
const everyMs = 20
setInterval(() => {
  for (let i = 0; i < (Number(perSecond) * everyMs) / 1000; i++) {
    const socket = connect(target, '127.0.0.1')
    socket.on('error', () => {})
    socket.once('connect', () => behave(socket))
    socket.resume()
  }
}, everyMs)
