import { once } from 'node:events'
import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http'
import * as http2 from 'node:http2'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { makeService, parseListenAddress } from '@agent-mesh/data-plane'
import { parseTarget } from '@agent-mesh/wire'
import { listen, portOf, startPair, type Pair } from '../libp2p-pair.ts'
import { startService, type TestService } from '../servers.ts'

let pair: Pair
let web: Server
let grpc: http2.Http2Server
let raw: TestService
let webPort = 0
let grpcPort = 0
let rawPort = 0
/** What the raw service was told, and what it answers to it. */
let heard = ''
let rawAnswer: (socket: Socket) => void = () => {}
const clients: Array<{ destroy: () => void }> = []

/** Resolves when it is closed, in whatever way. */
const closed = async (client: { once: (event: 'close', listener: () => void) => unknown }): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  client.once('close', resolve)
  return promise
}

const door = async (service: string): Promise<number> => {
  const { listen: where } = await pair.caller.plane.addForward({
    listen: parseListenAddress('127.0.0.1:0'),
    target: parseTarget(`callee/${service}`)
  })
  return portOf(where)
}

beforeAll(async () => {
  pair = await startPair({ isIdentified: true })
  web = createServer((incoming, outgoing) => {
    void text(incoming).then((body) =>
      outgoing.end(JSON.stringify({ headers: incoming.headers, trailers: incoming.trailers, body }))
    )
  })
  web.on('upgrade', (_, socket: Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    socket.pipe(socket)
  })
  grpc = http2.createServer()
  grpc.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    const path = headers[':path']
    if (path === '/reset') {
      stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)
      return
    }
    let trailers: IncomingHttpHeaders = {}
    stream.on('trailers', (sent: IncomingHttpHeaders) => {
      trailers = sent
    })
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-heard': JSON.stringify(trailers) }))
    if (path === '/headers') stream.end(JSON.stringify(headers))
    else stream.pipe(stream)
  })
  raw = await startService((socket) => {
    socket.on('data', (data) => {
      heard += data.toString('latin1')
      rawAnswer(socket)
    })
  })
  const bound = await listen(web)
  const boundGrpc = await listen(grpc)
  pair.callee.plane.addService(makeService('web', `http://127.0.0.1:${bound}`))
  pair.callee.plane.addService(makeService('grpc', `grpc://127.0.0.1:${boundGrpc}`))
  pair.callee.plane.addService(makeService('plain', `http://127.0.0.1:${boundGrpc}`))
  pair.callee.plane.addService(makeService('raw', `http://127.0.0.1:${raw.port}`))
  pair.callee.plane.addService(makeService('bytes', raw.address))
  webPort = await door('web')
  grpcPort = await door('grpc')
  rawPort = await door('raw')
})

afterEach(() => {
  for (const client of clients.splice(0)) client.destroy()
  heard = ''
  rawAnswer = () => {}
})

afterAll(async () => {
  await pair.stop()
  web.closeAllConnections()
  web.close()
  grpc.close()
  raw.stop()
})

const tunnelsTo = (service: string): number =>
  pair.callee.plane.tunnels.list().filter((one) => one.service === service).length

const callerId = (): string => pair.caller.node.peerId.toString()
const calleeId = (): string => pair.callee.node.peerId.toString()

interface Echoed {
  headers: Record<string, string>
  trailers: Record<string, string>
  body: string
}

describe('a service that speaks HTTP/1.1', () => {
  it('is told who calls, whatever the client says', async () => {
    const outgoing = request({
      port: webPort,
      method: 'POST',
      headers: {
        'mesh-peer-id': 'forged',
        MESH_PEER_NAME: 'forged',
        forwarded: 'for=forged',
        trailer: 'a',
        'x-own': '1'
      }
    })
    outgoing.addTrailers({ 'mesh-peer-groups': 'forged', a: 'b' })
    outgoing.end('some words')
    const [response] = await once(outgoing, 'response')
    const { headers, trailers, body }: Echoed = JSON.parse(await text(response))
    expect(headers).toMatchObject({
      'mesh-peer-id': callerId(),
      'mesh-peer-name': 'caller',
      'mesh-peer-groups': 'ops, ci',
      forwarded: `for=_${callerId()};by=_${calleeId()};proto=http`,
      'x-own': '1'
    })
    expect(JSON.stringify({ headers, trailers })).not.toContain('forged')
    expect(trailers).toEqual({ a: 'b' })
    expect(body).toBe('some words')
  })

  it('may switch to another protocol, which passes both ways', async () => {
    const outgoing = request({ port: webPort, headers: { connection: 'Upgrade', upgrade: 'echo' } })
    outgoing.end()
    const { promise, resolve } = Promise.withResolvers<Duplex>()
    outgoing.once('upgrade', (_, socket) => resolve(socket))
    const socket = await promise
    clients.push(socket)
    socket.write('Mesh-Peer-Id: just bytes')
    const [data] = await once(socket, 'data')
    expect(String(data)).toBe('Mesh-Peer-Id: just bytes')
  })

  it('that does not switch gets what was held back as a request, stamped', async () => {
    rawAnswer = (socket) => {
      if (heard.includes('/first') && !heard.includes('/second'))
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    }
    const client = connect(rawPort, '127.0.0.1')
    clients.push(client)
    client.write(
      'GET /first HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n' +
        'GET /second HTTP/1.1\r\nHost: a\r\nMesh-Peer-Id: forged\r\n\r\n'
    )
    await once(client, 'data')
    await expect.poll(() => heard).toContain('GET /second')
    expect(heard).not.toContain('forged')
    expect(heard.match(/Mesh-Peer-Id: /g)).toHaveLength(2)
  })

  it('never hears of a request that is refused, whose client is told why', async () => {
    const client = connect(rawPort, '127.0.0.1')
    clients.push(client)
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n')
    const answer = await text(client)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('HTTP_INVALID')
    expect(heard).toBe('')
  })

  it('is cut off with its client where a later request is refused in the middle of an answer', async () => {
    rawAnswer = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')
    const client = connect(rawPort, '127.0.0.1')
    clients.push(client)
    client.on('error', () => {})
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(client, 'data')
    const isClosed = closed(client)
    client.write('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n')
    await isClosed
    expect(client.errored).not.toBeNull()
    expect(heard).not.toContain('Host: b')
  })

  it('gets the half-close of its client, and its own end goes back', async () => {
    rawAnswer = (socket) => {
      socket.removeAllListeners('end')
      socket.once('end', () => socket.end('HTTP/1.0 200 OK\r\n\r\nall of it'))
    }
    const client = connect({ port: rawPort, host: '127.0.0.1', allowHalfOpen: true })
    clients.push(client)
    client.end('GET / HTTP/1.0\r\n\r\n')
    expect(await text(client)).toBe('HTTP/1.0 200 OK\r\n\r\nall of it')
  })
})

describe('a service of plain bytes', () => {
  it('gets them untouched', async () => {
    const port = await door('bytes')
    const client = connect(port, '127.0.0.1')
    clients.push(client)
    const bytes = 'GET / HTTP/1.1\nMesh-Peer-Id: my own\r\n\r\n'
    client.write(bytes)
    await expect.poll(() => heard).toBe(bytes)
  })
})

describe.each(['grpc', 'plain'])('a service that speaks HTTP/2, served as %s', (service) => {
  const open = async (): Promise<http2.ClientHttp2Session> => {
    const port = service === 'grpc' ? grpcPort : await door('plain')
    const session = http2.connect(`http://127.0.0.1:${port}`)
    session.on('error', () => {})
    clients.push(session)
    return session
  }

  it('is told who calls, whatever the client says', async () => {
    const session = await open()
    const stream = session.request({
      ':path': '/headers',
      'mesh-peer-id': 'forged',
      mesh_x: 'forged',
      forwarded: 'forged'
    })
    const headers: Record<string, string> = JSON.parse(await text(stream))
    expect(headers).toMatchObject({ 'mesh-peer-id': callerId(), 'mesh-peer-name': 'caller', ':path': '/headers' })
    expect(JSON.stringify(headers)).not.toContain('forged')
  })

  it('gets bodies and trailers of many streams at once, and its own go back', async () => {
    const session = await open()
    const call = async (index: number): Promise<string> => {
      const stream = session.request({ ':path': '/echo', ':method': 'POST' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-index': String(index), 'mesh-peer-id': 'forged' }))
      const trailers = once(stream, 'trailers')
      stream.write(`${index} `.repeat(20_000))
      stream.end('end')
      const body = await text(stream)
      expect(body).toBe(`${`${index} `.repeat(20_000)}end`)
      const [{ 'x-heard': told }] = await trailers
      return String(told)
    }
    const told = await Promise.all(Array.from({ length: 50 }, (_, index) => call(index)))
    expect(told.map((one) => JSON.parse(one))).toEqual(told.map((_, index) => ({ 'x-index': String(index) })))
  })

  it('resets one stream with its own code, and the others go on', async () => {
    const session = await open()
    const good = session.request({ ':path': '/echo', ':method': 'POST' })
    const bad = session.request({ ':path': '/reset' })
    bad.on('error', () => {})
    await closed(bad)
    expect(bad.rstCode).toBe(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)
    good.end('still here')
    expect(await text(good)).toBe('still here')
  })

  it('is let go of, with the tunnel, when its client goes', async () => {
    await expect.poll(() => tunnelsTo(service), { timeout: 5_000 }).toBe(0)
    const session = await open()
    await text(session.request({ ':path': '/headers' }))
    expect(tunnelsTo(service)).toBe(1)
    const isClosed = closed(session)
    session.close()
    await isClosed
    await expect.poll(() => tunnelsTo(service), { timeout: 5_000 }).toBe(0)
  })
})
