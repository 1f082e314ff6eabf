import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstat, mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { makeService, parseListenAddress } from '@agent-mesh/data-plane'
import { parseTarget } from '@agent-mesh/wire'
import { startBlackHole } from '@agent-mesh/testkit/black-hole'
import { portOf, startPair, type Pair } from './libp2p-pair.ts'
import { bytes, digest, digestOf, echo, openClient, request, startService, type TestService } from './servers.ts'

const MiB = 1024 * 1024

describe('a forward', () => {
  let pair: Pair
  const services: TestService[] = []

  beforeAll(async () => {
    pair = await startPair()
  })
  afterAll(() => pair.stop())
  afterEach(async () => {
    for (const { id } of pair.caller.plane.listForwards()) pair.caller.plane.removeForward(id)
    for (const { name } of pair.callee.plane.listServices()) pair.callee.plane.removeService(name)
    for (const service of services.splice(0)) service.stop()
    await vi.waitFor(() => {
      expect(pair.caller.plane.tunnels.size).toBe(0)
      expect(pair.callee.plane.tunnels.size).toBe(0)
      expect(pair.connection().streams.filter((stream) => stream.protocol.includes('tunnel'))).toEqual([])
    }, 10_000)
  })

  const serve = async (handler: Parameters<typeof startService>[0]): Promise<TestService> => {
    const service = await startService(handler)
    services.push(service)
    pair.callee.plane.addService(makeService('svc', service.address), { replace: true })
    return service
  }
  const forward = async (target = 'callee/svc'): Promise<number> =>
    portOf(
      (await pair.caller.plane.addForward({ listen: parseListenAddress('127.0.0.1:0'), target: parseTarget(target) }))
        .listen
    )

  it('carries 64 MiB each way byte for byte', async () => {
    await serve(echo)
    const data = bytes(64 * MiB)
    const { data: back, error } = await request(await forward(), data)
    expect(error).toBeUndefined()
    expect(digestOf(back)).toBe(digestOf(data))
  })

  it('passes the end of the request on and waits for the response', async () => {
    await serve(digest)
    const data = bytes(3 * MiB + 17)
    expect((await request(await forward(), data)).data.toString()).toBe(digestOf(data))
  })

  it('passes the end of a request on that was there before the tunnel', async () => {
    await serve(digest)
    const port = await forward()
    for (const length of [0, 1, 1000])
      expect((await request(port, bytes(length))).data.toString()).toMatch(new RegExp(`^${length} `))
  })

  it('lets a service speak first and end first', async () => {
    await serve((socket) => {
      socket.end('hello')
      socket.resume()
    })
    const { socket, received } = openClient(await forward())
    await once(socket, 'end')
    socket.end('bye')
    expect(await received).toEqual({ data: Buffer.from('hello'), error: undefined })
  })

  it('shows the client an RST of the service as ECONNRESET', async () => {
    await serve((socket) => {
      socket.once('data', () => socket.resetAndDestroy())
    })
    const { socket, received } = openClient(await forward())
    socket.write('x')
    expect(await received).toEqual({ data: Buffer.alloc(0), error: 'ECONNRESET' })
  })

  it('shows the service an RST of the client as ECONNRESET', async () => {
    const service = await serve(echo)
    const { socket } = openClient(await forward())
    socket.write('x')
    await once(socket, 'data')
    const [upstream] = service.sockets
    const failed = once(upstream ?? socket, 'error').catch((err: unknown) => err)
    const errors: unknown[] = []
    upstream?.on('error', (err) => errors.push(err))
    socket.resetAndDestroy()
    await failed
    expect(errors).toEqual([expect.objectContaining({ code: 'ECONNRESET' })])
  })

  it('shows an RST that comes after the end of one direction', async () => {
    await serve((socket) => {
      socket.end('half')
      socket.once('data', () => socket.resetAndDestroy())
    })
    const { socket, received } = openClient(await forward())
    await once(socket, 'end')
    const timer = setInterval(() => socket.write('more'), 5)
    const { data, error } = await received
    clearInterval(timer)
    expect(data.toString()).toBe('half')
    expect(['ECONNRESET', 'EPIPE']).toContain(error)
  })

  it('resets the client where nothing can be opened, and says why', async () => {
    const port = await forward('callee/missing')
    expect(await request(port, Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toEqual({
      data: Buffer.alloc(0),
      error: 'ECONNRESET'
    })
    const [status] = pair.caller.plane.listForwards()
    expect(status).toMatchObject({
      openTunnels: 0,
      totalTunnels: 0,
      failedTunnels: 1,
      lastError: { code: 'SERVICE_UNKNOWN', message: 'This agent offers no service "missing".' }
    })
    expect(pair.caller.events).toContainEqual(
      expect.objectContaining({ event: 'forward:failed', code: 'SERVICE_UNKNOWN', target: 'callee/missing' })
    )
  })

  it('names the address that is in use', async () => {
    const port = await forward()
    await expect(
      pair.caller.plane.addForward({
        listen: parseListenAddress(`127.0.0.1:${port}`),
        target: parseTarget('callee/svc')
      })
    ).rejects.toMatchObject({ code: 'ADDRESS_IN_USE', message: `127.0.0.1:${port} is in use by another program.` })
    await expect(
      pair.caller.plane.addForward({ listen: parseListenAddress('192.0.2.1:1'), target: parseTarget('callee/svc') })
    ).rejects.toMatchObject({ code: 'ADDRESS_INVALID', message: '192.0.2.1:1 is not an address of this machine.' })
  })

  it('is removed by its address, after which nobody listens', async () => {
    const port = await forward()
    pair.caller.plane.removeForward(`127.0.0.1:${port}`)
    expect((await request(port, Buffer.from('x'))).error).toBe('ECONNREFUSED')
    expect(() => pair.caller.plane.removeForward(`127.0.0.1:${port}`)).toThrow(
      expect.objectContaining({ code: 'FORWARD_UNKNOWN' })
    )
  })

  it('gives up the open, and the other side its service, when the client hangs up', async () => {
    const hole = await startBlackHole()
    pair.callee.plane.addService(makeService('svc', `tcp://127.0.0.1:${hole.port}`))
    const { socket } = openClient(await forward())
    socket.write('anybody there?')
    await vi.waitFor(() => expect(pair.callee.plane.tunnels.size).toBe(1))
    socket.resetAndDestroy()
    await vi.waitFor(() => {
      expect(pair.caller.plane.tunnels.size).toBe(0)
      expect(pair.callee.plane.tunnels.size).toBe(0)
    }, 1_000)
    expect(pair.caller.plane.listForwards()[0]).toMatchObject({ failedTunnels: 0, openTunnels: 0 })
    await hole.stop()
  })

  it('reaches a service on a unix socket, half-close included', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'service-'))
    const path = join(dir, 'service.sock')
    const server = createServer({ allowHalfOpen: true }, digest)
    server.listen(path)
    await once(server, 'listening')
    pair.callee.plane.addService(makeService('svc', `unix:${path}`))
    const data = bytes(MiB + 1)
    expect((await request(await forward(), data)).data.toString()).toBe(digestOf(data))
    server.close()
    await rm(dir, { recursive: true })
  })

  it('listens on a unix socket, takes over one that was left behind and none that is answered', async () => {
    await serve(echo)
    const dir = await mkdtemp(join(tmpdir(), 'forward-'))
    const path = join(dir, 'door.sock')
    const add = () =>
      pair.caller.plane.addForward({ listen: parseListenAddress(`unix:${path}`), target: parseTarget('callee/svc') })
    await add()
    await expect(add()).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' })
    const ask = async (): Promise<string> => {
      const client = connect({ path, allowHalfOpen: true })
      client.end('over unix')
      const [data] = await once(client, 'data')
      return String(data)
    }
    expect(await ask()).toBe('over unix')
    pair.caller.plane.removeForward(`unix:${path}`)

    const killed = spawn(process.execPath, [
      '-e',
      `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
    ])
    await once(killed, 'exit')
    expect((await lstat(path)).isSocket()).toBe(true)
    await add()
    expect(await ask()).toBe('over unix')
    await rm(dir, { recursive: true })
  })
})
