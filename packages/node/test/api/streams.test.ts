import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect as connectSocket, type Socket } from 'node:net'
import { Duplex, duplexPair } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it, vi } from 'vitest'
import { limits, MeshError } from '@agent-mesh/wire'
import { createClient, type Tunnel } from '@agent-mesh/client'
import { examplePeerId as peerId } from '@agent-mesh/testkit/example-node'
import { serveExample, type Served } from './serve-example.ts'

interface Opened extends Served {
  /** What the client got. */
  near: Tunnel
  /** What the service behind the tunnel holds. */
  far: Duplex
  /** What the node handed to the API server. */
  tunnel: Duplex
}

const open = async (): Promise<Opened> => {
  const all = await serveExample()
  const [tunnel, far] = duplexPair({ highWaterMark: 64 * 1024 })
  all.node.connect.mockResolvedValue({ tunnel, peerId, service: 'web' })
  const near = await all.client.connect('bob/web')
  // The server closes with the test, and resets what is open still.
  near.on('error', () => {})
  return { ...all, tunnel, far, near }
}

const failure = async (stream: Duplex): Promise<unknown> => {
  const [err] = await once(stream, 'error')
  return err
}

const event = (name: string, fields = {}): { event: string; atMs: number; fields: Record<string, string> } => ({
  event: name,
  atMs: 1,
  fields
})

describe('a tunnel over the API', () => {
  it('knows who answered', async () => {
    const { near, node } = await open()
    expect([near.peerId, near.service]).toEqual([peerId, 'web'])
    expect(node.connect).toHaveBeenCalledWith('bob/web', { signal: expect.any(AbortSignal) })
    near.destroy()
  })

  it('is for what its port and its kind say', async () => {
    const { client, node, near } = await open()
    near.destroy()
    const [tunnel] = duplexPair()
    tunnel.on('error', () => {})
    node.connect.mockResolvedValue({ tunnel, peerId, service: 'web', name: 'bob', target: 'bob/web' })
    const named = await client.connect('bob.mesh', { port: 8080, kind: 'http' })
    expect(node.connect).toHaveBeenLastCalledWith('bob.mesh', {
      port: 8080,
      kind: 'http',
      signal: expect.any(AbortSignal)
    })
    expect(named).toMatchObject({ peerId, service: 'web', name: 'bob', target: 'bob/web' })
    named.on('error', () => {}).destroy()
    for (const options of [{ port: 0 }, { port: 65_536 }, { port: 1.5 }, { kind: '' }, { kind: 'x'.repeat(17) }])
      await expect(client.connect('bob.mesh', options)).rejects.toMatchObject({ code: 'USAGE' })
  })

  it('carries a half-close in either direction and ends cleanly on both sides', async () => {
    const { near, far, tunnel } = await open()
    near.end('question')
    expect(String(await buffer(far))).toBe('question')
    far.end('answer')
    expect(String(await buffer(near))).toBe('answer')
    await vi.waitFor(() =>
      expect([near.closed, tunnel.closed, near.errored, tunnel.errored]).toEqual([true, true, null, null])
    )
  })

  it('carries 32 MiB both ways, byte for byte', async () => {
    const { near, far } = await open()
    far.pipe(far)
    const sent = Buffer.alloc(32 * 1024 * 1024, Buffer.from(Array.from({ length: 251 }, (_, i) => i)))
    const received = buffer(near)
    near.end(sent)
    expect(Buffer.compare(await received, sent)).toBe(0)
  })

  it('takes the code of a reset from the far side to the client', async () => {
    const { near, tunnel } = await open()
    const failed = failure(near)
    tunnel.destroy(new MeshError('UPSTREAM_TIMEOUT'))
    expect(await failed).toMatchObject({ code: 'UPSTREAM_TIMEOUT' })
  })

  it('takes the code of a reset from the client to the far side', async () => {
    const { near, tunnel } = await open()
    const failed = failure(tunnel)
    near.destroy(new MeshError('TIMEOUT'))
    expect(await failed).toMatchObject({ code: 'TIMEOUT' })
  })

  it('is cut, not ended, when the process of the client dies', async () => {
    const { node, socketPath } = await open()
    const [tunnel, far] = duplexPair()
    node.connect.mockResolvedValue({ tunnel, peerId, service: 'web' })
    const socket = connectSocket(socketPath)
    socket.write(
      'GET /v1/tunnels/bob HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: mesh-tunnel\r\n\r\n'
    )
    await once(socket, 'data')
    const failed = failure(tunnel)
    let isEnded = false
    far
      .on('end', () => {
        isEnded = true
      })
      .resume()
    socket.destroy()
    expect(await failed).toMatchObject({ code: 'CONNECTION_LOST' })
    expect(isEnded).toBe(false)
  })

  it('holds the far side while the client does not read', async () => {
    const { far } = await open()
    const piece = Buffer.alloc(64 * 1024)
    let sent = 0
    let isBlocked = false
    while (!isBlocked) {
      if (!far.write(piece)) {
        isBlocked = await Promise.race([
          once(far, 'drain').then(() => false),
          new Promise<boolean>((resolve) => {
            setTimeout(resolve, 300, true)
          })
        ])
      }
      sent += piece.length
      expect(sent).toBeLessThan(16 * 1024 * 1024)
    }
  })

  it('that is refused has the error of the node', async () => {
    const { client, node } = await serveExample()
    node.connect.mockRejectedValue(new MeshError('UPSTREAM_REFUSED', 'web of bob refused the connection.'))
    await expect(client.connect('bob/web')).rejects.toMatchObject({
      code: 'UPSTREAM_REFUSED',
      message: 'web of bob refused the connection.'
    })
  })

  it('outlives the deadline of its opening', async () => {
    const { node, socketPath } = await serveExample()
    const [tunnel, far] = duplexPair()
    node.connect.mockResolvedValue({ tunnel, peerId, service: 'web' })
    const deadline = new AbortController()
    const near = await createClient({ socketPath }).connect('bob', { signal: deadline.signal })
    deadline.abort()
    near.end('still here')
    expect(String(await buffer(far))).toBe('still here')
    far.end()
    await buffer(near)
  })

  it('is not opened for a caller that has left', async () => {
    const { client, node } = await serveExample()
    const { promise: aborted, resolve } = Promise.withResolvers<unknown>()
    node.connect.mockImplementation(
      (_target, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            resolve(signal.reason)
            reject(signal.reason)
          })
        })
    )
    const giveUp = new AbortController()
    const opened = client.connect('bob/web', { signal: giveUp.signal })
    await vi.waitFor(() => expect(node.connect).toHaveBeenCalled())
    giveUp.abort()
    await expect(opened).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(await aborted).toMatchObject({ code: 'CANCELLED' })
  })

  it('is reset with SHUTTING_DOWN when the server closes', async () => {
    const { near, tunnel, api } = await open()
    const failed = Promise.all([failure(near), failure(tunnel)])
    await api.close()
    expect(await failed).toMatchObject([{ code: 'SHUTTING_DOWN' }, { code: 'SHUTTING_DOWN' }])
  })

  it.each([
    ['another protocol', 'GET /v1/tunnels/bob HTTP/1.1\r\nUpgrade: websocket', 400],
    ['another path', 'GET /v1/status HTTP/1.1\r\nUpgrade: mesh-tunnel', 400],
    ['a bad escape', 'GET /v1/tunnels/%zz HTTP/1.1\r\nUpgrade: mesh-tunnel', 400],
    ['no target', 'GET /v1/tunnels/ HTTP/1.1\r\nUpgrade: mesh-tunnel', 400],
    ['bytes before the answer', 'GET /v1/tunnels/bob HTTP/1.1\r\nUpgrade: mesh-tunnel', 400]
  ])('is refused for %s', async (what, head, status) => {
    const { socketPath, node } = await serveExample()
    node.connect.mockImplementation(
      (_target, { signal }) =>
        new Promise((_resolve, reject) => {
          if (signal.aborted) reject(signal.reason)
          signal.addEventListener('abort', () => reject(signal.reason))
        })
    )
    const socket: Socket = connectSocket(socketPath)
    socket.write(`${head}\r\nHost: localhost\r\nConnection: Upgrade\r\n\r\n${what.startsWith('bytes') ? 'early' : ''}`)
    const answer = String(await buffer(socket))
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*application/problem\\+json[\\s\\S]*"code":"USAGE"`))
  })
})

describe('the events of a node', () => {
  it('come in their order and stop with the reader', async () => {
    const { client, node } = await serveExample()
    const stop = new AbortController()
    const seen: string[] = []
    const reading = (async () => {
      for await (const one of client.events({ signal: stop.signal })) {
        seen.push(`${one.event} ${JSON.stringify(one.fields)}`)
        if (seen.length === 3) stop.abort()
      }
    })()
    await vi.waitFor(() => expect(node.listeners.size).toBe(1))
    node.emit(event('path:ok', { peer: 'a' }))
    node.emit(event('path:failed', { text: 'two\nlines\n\n and data: ü' }))
    node.emit(event('peer:joined'))
    await reading
    expect(seen).toEqual([
      'path:ok {"peer":"a"}',
      `path:failed ${JSON.stringify({ text: 'two\nlines\n\n and data: ü' })}`,
      'peer:joined {}'
    ])
    await vi.waitFor(() => expect(node.listeners.size).toBe(0))
  })

  it('stop when the loop is left', async () => {
    const { client, node } = await serveExample()
    const first = client.events().next()
    await vi.waitFor(() => expect(node.listeners.size).toBe(1))
    node.emit(event('x'))
    expect((await first).value).toMatchObject({ event: 'x' })
    const events = client.events()
    const next = events.next()
    await vi.waitFor(() => expect(node.listeners.size).toBe(2))
    node.emit(event('y'))
    await next
    await events.return(undefined)
    await vi.waitFor(() => expect(node.listeners.size).toBe(1))
  })

  it('end when the node closes', async () => {
    const { client, node, api } = await serveExample()
    const next = client.events().next()
    await vi.waitFor(() => expect(node.listeners.size).toBe(1))
    await api.close()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(node.listeners.size).toBe(0)
  })

  it('cut off a reader that falls behind by more than the limit', async () => {
    const { node, socketPath } = await serveExample()
    const socket = connectSocket(socketPath)
    socket.write('GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    socket.pause()
    await vi.waitFor(() => expect(node.listeners.size).toBe(1))
    const text = 'x'.repeat(limits.apiEventBacklogBytes / 4)
    for (let sent = 0; node.listeners.size === 1 && sent < 40; sent++) {
      node.emit(event('flood', { text }))
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    await vi.waitFor(() => expect(node.listeners.size).toBe(0))
    socket.destroy()
  })
})

/** Asks for bytes without frames, as a library does that can ask a proxy. */
const askToConnect = async (socketPath: string, authority: string): Promise<{ socket: Socket; status: number }> => {
  const asked = httpRequest({ socketPath, method: 'CONNECT', path: authority, agent: false }).end()
  const { promise, resolve, reject } = Promise.withResolvers<{ socket: Socket; status: number }>()
  asked.once('error', reject).once('connect', ({ statusCode = 0, headers }, socket: Socket) => {
    expect(statusCode === 200 ? headers['mesh-peer-id'] : peerId).toBe(peerId)
    resolve({ socket, status: statusCode })
  })
  return promise
}

describe('CONNECT', () => {
  it('joins the bytes of both sides, each end by itself', async () => {
    const { node, socketPath, near } = await open()
    near.destroy()
    const [tunnel, far] = duplexPair()
    node.connect.mockResolvedValue({ tunnel, peerId, service: 'words' })
    const { socket, status } = await askToConnect(socketPath, 'bob.mesh:50051')
    expect([status, node.connect.mock.lastCall]).toEqual([
      200,
      ['bob.mesh', { port: 50_051, signal: expect.any(AbortSignal) }]
    ])
    socket.end('question')
    expect(String(await buffer(far))).toBe('question')
    far.end('answer')
    expect(String(await buffer(socket))).toBe('answer')
  })

  it('is cut where the tunnel is', async () => {
    const { node, socketPath, near } = await open()
    near.destroy()
    const [tunnel] = duplexPair()
    node.connect.mockResolvedValue({ tunnel, peerId, service: 'words' })
    const { socket } = await askToConnect(socketPath, 'bob.mesh:50051')
    const closed = once(socket.on('error', () => {}).resume(), 'close')
    tunnel.destroy(new MeshError('CONNECTION_LOST'))
    await closed
  })

  it.each([
    ['bob.mesh', 400],
    ['bob.mesh:70000', 400],
    ['nobody.mesh:80', 404]
  ])('%s is refused with %i', async (authority, refused) => {
    const { node, socketPath, near } = await open()
    near.destroy()
    node.connect.mockRejectedValue(new MeshError('NAME_UNKNOWN'))
    const { socket, status } = await askToConnect(socketPath, authority)
    expect(status).toBe(refused)
    socket.destroy()
  })
})
