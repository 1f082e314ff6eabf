import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { finished } from 'node:stream/promises'
import { afterAll } from 'vitest'
import { listen } from '../libp2p-pair.ts'
import { bytes, digestOf, startService, type TestService } from '../servers.ts'
import { startProxyPair, talk, type ProxyPair } from './proxy-pair.ts'

/** What the HTTP service of alice was asked. */
export const seen = { list: [] as IncomingMessage[], connections: 0 }

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown

const readAll = async (request: IncomingMessage): Promise<Buffer> => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  await finished(request).catch(() => parts.splice(0))
  return Buffer.concat(parts)
}

/** What `/big` answers. */
export const big = bytes(8 * 1024 * 1024)

const handlers: Record<string, Handler> = {
  '/echo': async (request, response) => {
    const body = await readAll(request)
    response.setHeader('X-Trailers', JSON.stringify(request.rawTrailers))
    response.end(`${request.method} ${digestOf(body)}`)
  },
  '/trailers': (_request, response) => {
    response.writeHead(200, ['Trailer', 'X-Sum, Content-Length'])
    response.write('body')
    response.addTrailers([
      ['X-Sum', '42'],
      ['Mesh-Peer-Id', 'forged']
    ])
    response.end()
  },
  '/big': (_request, response) => response.writeHead(200, { 'Content-Length': big.length }).end(big),
  '/none': (_request, response) => response.writeHead(204, ['X-A', '1', 'X-a', '2']).end(),
  '/same': (_request, response) => response.writeHead(304, { ETag: '"x"', 'Content-Length': '77' }).end(),
  '/hops': (_request, response) => {
    response.writeHead(200, [
      'Connection',
      'x-secret, keep-alive',
      'X-Secret',
      '1',
      'Proxy-Authenticate',
      'Basic',
      'Mesh-Served-By',
      'forged',
      'Set-Cookie',
      'a=1',
      'Set-Cookie',
      'b=2',
      'Content-Length',
      '2'
    ])
    response.end('ok')
  },
  '/cut': (_request, response) => {
    response.writeHead(200, { 'Content-Length': 100 })
    response.write('half')
    setImmediate(() => response.socket?.resetAndDestroy())
  },
  '/hints': (_request, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' })
    response.end('after hints')
  },
  '/close': (_request, response) => {
    response.shouldKeepAlive = false
    response.end('closed')
  }
}

export const origin = createServer((request, response) => {
  seen.list.push(request)
  const handler = handlers[request.url?.split('?')[0] ?? '']
  if (handler === undefined) response.end(`alice ${request.url}`)
  else void handler(request, response)
})
origin.on('connection', () => {
  seen.connections += 1
})
origin.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
  if (request.url === '/no') {
    response.writeHead(417).end()
    return
  }
  response.writeContinue()
  origin.emit('request', request, response)
})
origin.on('upgrade', (request, socket) => {
  seen.list.push(request)
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Origin: alice\r\n\r\nhello '
  )
  socket.pipe(socket)
})

/** Sends bytes as they are and reads until the proxy closes; `more` follows its first words. */
export type Raw = (text: string, more?: string) => Promise<string>

export interface HttpPair {
  two: ProxyPair
  port: number
  raw: Raw
}

/** alice offers `web` and `ssh`, which speaks no HTTP, `raw`, which echoes, and `gone`, which refuses; and one HTTP proxy. */
export const startHttpPair = async (): Promise<HttpPair> => {
  const services: TestService[] = []
  const two = await startProxyPair()
  two.serve('web', `http://127.0.0.1:${await listen(origin)}`)
  const refusing = await startService(() => {})
  refusing.stop()
  two.serve('gone', refusing.address)
  const garbage = await startService((socket) => socket.end('SSH-2.0-OpenSSH\r\n'))
  two.serve('ssh', garbage.address.replace('tcp:', 'ssh:'))
  const echoing = await startService((socket) => socket.pipe(socket))
  two.serve('raw', echoing.address)
  services.push(garbage, echoing)
  const port = await two.open('http')
  afterAll(async () => {
    await two.stop()
    for (const service of services) service.stop()
    origin.closeAllConnections()
    origin.close()
  })
  return {
    two,
    port,
    raw: async (text, more) => {
      const { socket, end, until } = await talk(port)
      socket.write(text, 'latin1')
      if (more !== undefined) {
        await until((heard) => heard.length > 0)
        socket.write(more, 'latin1')
      }
      const heard = await end
      socket.destroy()
      return heard.toString('latin1')
    }
  }
}

export const headerOf = (answer: string, name: string): string[] =>
  (answer.split('\r\n\r\n')[0] ?? '')
    .split('\r\n')
    .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}: `))
    .map((line) => line.slice(name.length + 2))
