import { createServer, type Server } from 'node:http'
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import { createServer as createTcpServer } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Server as GrpcServer, ServerCredentials, status as grpcStatus, type ServiceDefinition } from '@grpc/grpc-js'
import { afterEach, describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire'
import type { SocketAddress } from '@agent-mesh/data-plane'
import { decodeHealthResponse, encodeHealthRequest } from '../../src/upstream/check/grpc-health.ts'
import { probe } from '../../src/upstream/check/probe.ts'
import { parseCheck } from '../../src/upstream/check/settings.ts'
import type { CheckResult } from '../../src/upstream/check/verdict.ts'
import { listen } from '../libp2p-pair.ts'
import { startService } from '../servers.ts'

const cleanUps: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

const tcp = (port: number): SocketAddress => ({ type: 'tcp', host: '127.0.0.1', port })

const check = async (address: SocketAddress, text: string, timeoutMs = 2_000): Promise<CheckResult> => {
  const kind = parseCheck(text)
  if (kind === undefined) throw new Error('nothing to check')
  return probe(address, { kind, timeoutMs }, { signal: AbortSignal.timeout(10_000) })
}

const closing = <S extends Server | Http2Server>(server: S): S => {
  cleanUps.push(() => server.close())
  return server
}

/** A port that nobody listens on. */
const deadPort = async (): Promise<number> => {
  const server = createTcpServer()
  const port = await listen(server)
  server.close()
  await once(server, 'close')
  return port
}

describe('a check that connects', () => {
  it('passes where a connection is taken, and fails with the reason where it is not', async () => {
    const service = await startService(() => {})
    cleanUps.push(service.stop)
    expect(await check(tcp(service.port), 'connect')).toEqual({ isOk: true })
    const port = await deadPort()
    expect(await check(tcp(port), 'connect')).toEqual({
      isOk: false,
      reason: `The service at 127.0.0.1:${port} refused the connection (ECONNREFUSED)`
    })
  })

  it('works on a unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mesh-check-'))
    cleanUps.push(() => rm(folder, { recursive: true }))
    const path = join(folder, 's')
    expect(await check({ type: 'unix', path }, 'connect')).toMatchObject({ isOk: false })
    const server = closing(createServer((_, response) => response.end('ok')))
    server.listen(path)
    await once(server, 'listening')
    expect(await check({ type: 'unix', path }, 'connect')).toEqual({ isOk: true })
    expect(await check({ type: 'unix', path }, 'http:/')).toEqual({ isOk: true })
  })
})

describe('a check over HTTP', () => {
  it('passes with 2xx and 3xx alone, and says who asks', async () => {
    const seen: string[] = []
    const server = closing(
      createServer((request, response) => {
        seen.push(`${request.method} ${request.url} ${request.headers.host} ${request.headers['user-agent']}`)
        response.writeHead(Number(request.url?.slice(1)))
        response.end('x'.repeat(100_000))
      })
    )
    const port = await listen(server)
    for (const code of [200, 204, 302, 399]) expect(await check(tcp(port), `http:/${code}`)).toEqual({ isOk: true })
    for (const code of [400, 404, 503])
      expect(await check(tcp(port), `http:/${code}`)).toEqual({ isOk: false, reason: `GET /${code} answered ${code}` })
    expect(seen[0]).toBe(`GET /200 127.0.0.1:${port} mesh-node-check`)
  })

  it('fails where nothing, or something else, is answered', async () => {
    const silent = await startService((socket) => socket.resume().once('end', () => socket.end()))
    const rude = await startService((socket) => socket.destroy())
    const other = await startService((socket) => socket.end('220 mail.example ESMTP\r\n'))
    for (const { stop } of [silent, rude, other]) cleanUps.push(stop)
    expect(await check(tcp(silent.port), 'http:/', 100)).toMatchObject({
      reason: expect.stringContaining('did not answer within 100 ms')
    })
    for (const { port } of [rude, other])
      expect(await check(tcp(port), 'http:/')).toMatchObject({ isOk: false, reason: expect.stringMatching(/./) })
    await expect.poll(() => silent.sockets.size).toBe(0)
  })
})

/** The health service as its public definition says, with what protobuf puts on the wire. */
const health: ServiceDefinition = {
  Check: {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: Buffer) => value,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (value: Buffer) => value,
    responseDeserialize: (bytes: Buffer) => bytes
  }
}

const startGrpc = async (hasHealth: boolean): Promise<number> => {
  const server = new GrpcServer()
  if (hasHealth) {
    server.addService(health, {
      Check: (call: { request: Buffer }, answer: (err: object | null, value?: Buffer) => void) => {
        const name = call.request.subarray(2).toString()
        if (name === '') answer(null, Buffer.of(0x08, 1))
        else if (name === 'agent.Agent') answer(null, Buffer.of(0x08, 2))
        else answer({ code: grpcStatus.NOT_FOUND, details: 'unknown service' })
      }
    })
  }
  cleanUps.push(() => server.forceShutdown())
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (err, port) =>
      err === null ? resolve(port) : reject(err)
    )
  })
}

describe('a check over gRPC', () => {
  it('passes where the health service of grpc-js says SERVING', async () => {
    const port = await startGrpc(true)
    expect(await check(tcp(port), 'grpc')).toEqual({ isOk: true })
    expect(await check(tcp(port), 'grpc:agent.Agent')).toEqual({ isOk: false, reason: 'it says NOT_SERVING' })
    expect(await check(tcp(port), 'grpc:nobody')).toEqual({
      isOk: false,
      reason: 'its health service does not know the service asked for'
    })
  })

  it('fails with its reason where there is no such service, no gRPC, or no end', async () => {
    expect(await check(tcp(await startGrpc(false)), 'grpc')).toEqual({
      isOk: false,
      reason: 'it has no gRPC health service'
    })
    const web = closing(createServer((_, response) => response.end('ok')))
    expect(await check(tcp(await listen(web)), 'grpc')).toMatchObject({ isOk: false })
    const answers: Array<(stream: ServerHttp2Stream) => void> = [
      (stream) => {
        stream.respond({ ':status': 200 })
        stream.write(Buffer.alloc(limits.checkAnswerBytes + 1))
      },
      (stream) => {
        stream.respond({ ':status': 200 })
      },
      (stream) => {
        stream.respond({ ':status': 404 })
      }
    ]
    const odd = closing(createHttp2Server())
    odd.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', () => {})
      answers.shift()?.(stream)
    })
    const port = await listen(odd)
    expect(await check(tcp(port), 'grpc')).toMatchObject({ reason: 'its answer is longer than a health status' })
    expect(await check(tcp(port), 'grpc', 200)).toMatchObject({ reason: expect.stringContaining('within 200 ms') })
    expect(await check(tcp(port), 'grpc')).toMatchObject({ reason: 'it answered gRPC with HTTP status 404' })
  })
})

describe('the messages of the health protocol', () => {
  it('are what protobuf and gRPC write', () => {
    expect([...encodeHealthRequest('')]).toEqual([0, 0, 0, 0, 0])
    expect([...encodeHealthRequest('ab')]).toEqual([0, 0, 0, 0, 4, 0x0a, 2, 0x61, 0x62])
    expect([...encodeHealthRequest('x'.repeat(200)).subarray(0, 8)]).toEqual([0, 0, 0, 0, 203, 0x0a, 0xc8, 1])
  })

  it('may hold fields of later versions', () => {
    const unknown = [0x12, 2, 9, 9, 0x1d, 1, 2, 3, 4, 0x20, 0x80, 1]
    expect(decodeHealthResponse(Uint8Array.of(0, 0, 0, 0, 14, ...unknown, 0x08, 1))).toBe('SERVING')
  })

  it.each([
    [[]],
    [[1, 0, 0, 0, 2, 8, 1]],
    [[0, 0, 0, 0, 3, 8, 1]],
    [[0, 0, 0, 0, 1, 8]],
    [[0, 0, 0, 0, 2, 0x12, 5]],
    [[0, 0, 0, 0, 11, 8, ...Array<number>(10).fill(255)]]
  ])('that are damaged are no status: %j', (bytes) => {
    expect(decodeHealthResponse(Uint8Array.from(bytes))).toBeUndefined()
  })
})
