import { once } from 'node:events'
import { connect } from 'node:net'
import type { Stream } from '@libp2p/interface'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { makeService, parseListenAddress } from '@agent-mesh/data-plane'
import { encodeCredit, limits, parseTarget, TunnelAnswer } from '@agent-mesh/wire'
import { openTunnel } from '../src/tunnel/open.ts'
import { withLength } from '../src/tunnel/preamble.ts'
import { TunnelRegistry } from '../src/tunnel/registry.ts'
import { dialerOf, portOf, startPair, type Pair, type Side } from './libp2p-pair.ts'
import { bytes, digestOf, echo, openClient, request, startService, type TestService } from './servers.ts'

const MiB = 1024 * 1024

/** Resolves when the only reader of a side holds most of its window and nothing more comes: its sender is stopped. */
const senderStopped = async ({ plane }: Side): Promise<void> => {
  let before = -1
  await vi.waitFor(
    () => {
      const { heldBytes, reservedBytes } = plane.tunnels.budget.usage
      const isStill = heldBytes === before
      before = heldBytes
      expect(heldBytes).toBeGreaterThanOrEqual(reservedBytes / 2)
      expect(isStill).toBe(true)
    },
    { timeout: 20_000, interval: 1_000 }
  )
}

describe('a reader that stops', () => {
  let pair: Pair
  const services: TestService[] = []
  const forwardTo = async (name: string, handler: Parameters<typeof startService>[0]): Promise<number> => {
    const service = await startService(handler)
    services.push(service)
    pair.callee.plane.addService(makeService(name, service.address))
    return portOf(
      (
        await pair.caller.plane.addForward({
          listen: parseListenAddress('127.0.0.1:0'),
          target: parseTarget(`callee/${name}`)
        })
      ).listen
    )
  }

  beforeAll(async () => {
    pair = await startPair()
  })
  afterAll(async () => {
    await pair.stop()
    for (const service of services) service.stop()
  })

  it('stops its sender, costs no more than its window, slows nobody else and goes on where it was', async () => {
    const data = bytes(64 * MiB)
    const chunks = Array.from({ length: 64 }, (_, i) => data.subarray(i * MiB, (i + 1) * MiB))
    let sent = 0
    const slowPort = await forwardTo('slow', (socket) => {
      for (const chunk of chunks)
        socket.write(chunk, () => {
          sent += chunk.length
        })
      socket.end()
    })
    const quickPort = await forwardTo('quick', echo)

    const client = connect({ host: '127.0.0.1', port: slowPort, allowHalfOpen: true })
    const parts: Buffer[] = []
    client.on('data', (part) => parts.push(part))
    await once(client, 'data')
    client.pause()

    await senderStopped(pair.caller)
    expect(sent).toBeLessThan(data.length)
    const { heldBytes } = pair.caller.plane.tunnels.budget.usage
    expect(heldBytes).toBeGreaterThanOrEqual(limits.creditInitialBytes / 2)
    expect(heldBytes).toBeLessThanOrEqual(limits.creditMaxBytes)
    const [info] = pair.callee.plane.tunnels.list()
    expect(info?.bytesOut).toBeLessThan(32 * MiB)

    const other = bytes(8 * MiB)
    expect(digestOf((await request(quickPort, other)).data)).toBe(digestOf(other))
    expect(pair.caller.plane.tunnels.budget.usage.heldBytes).toBe(heldBytes)

    client.resume()
    await once(client, 'end')
    client.end()
    expect(digestOf(Buffer.concat(parts))).toBe(digestOf(data))
    await vi.waitFor(() => expect(pair.caller.plane.tunnels.size).toBe(0))
  })

  it('that never comes back is let go with its client', async () => {
    const port = await forwardTo('endless', (socket) => {
      const block = bytes(64 * 1024)
      const push = (): void => {
        while (!socket.destroyed && socket.write(block));
      }
      socket.on('drain', push)
      push()
    })
    const client = connect({ host: '127.0.0.1', port }).on('error', () => {})
    client.pause()
    await vi.waitFor(() => expect(pair.caller.plane.tunnels.budget.usage.heldBytes).toBeGreaterThan(100_000), 10_000)
    client.resetAndDestroy()
    await vi.waitFor(() => {
      expect(pair.caller.plane.tunnels.budget.usage).toEqual({ reservedBytes: 0, heldBytes: 0, tunnels: 0, peers: 0 })
      expect(pair.callee.plane.tunnels.size).toBe(0)
    }, 10_000)
  })

  it('does not hide that its writer has hung up', async () => {
    const port = await forwardTo('deaf', (socket) => socket.pause())
    const client = connect({ host: '127.0.0.1', port }).on('error', () => {})
    const block = bytes(1024 * 1024)
    const push = (): void => {
      while (!client.destroyed && client.write(block));
    }
    client.on('drain', push)
    push()
    await senderStopped(pair.callee)
    expect(pair.callee.plane.tunnels.size).toBe(1)
    client.resetAndDestroy()
    await vi.waitFor(() => {
      expect(pair.caller.plane.tunnels.size).toBe(0)
      expect(pair.callee.plane.tunnels.size).toBe(0)
    }, 3_000)
  })

  it('or a connection that does, leaves no sender asleep when it goes on', async () => {
    const data = bytes(4 * MiB)
    const port = await forwardTo('download', (socket) => {
      socket.resume()
      socket.end(data)
    })
    const clients = Array.from({ length: 12 }, () => openClient(port))
    const received = (): number => clients.reduce((sum, { socket }) => sum + socket.bytesRead, 0)
    for (const { socket } of clients) socket.end()
    for (let round = 1; round <= 4; round++) {
      const reached = round * 8 * MiB
      await vi.waitFor(() => expect(received()).toBeGreaterThan(reached), { timeout: 10_000, interval: 5 })
      pair.hold(true)
      // What is on its way still arrives; then everything is full and nothing moves.
      let before = -1
      await vi.waitFor(
        () => {
          const isStill = received() === before
          before = received()
          if (!isStill) throw new Error('bytes still arrive')
        },
        { timeout: 10_000, interval: 100 }
      )
      pair.hold(false)
    }
    const digests = (await Promise.all(clients.map((one) => one.received))).map(({ data: got }) => digestOf(got))
    expect(new Set(digests)).toEqual(new Set([digestOf(data)]))
  })

  it('bounds what its sender hands to the connection, however much credit it gave', async () => {
    let heard = 0
    const streams: Stream[] = []
    await pair.callee.node.handle('/generous', (stream) => {
      stream.addEventListener('message', ({ data }) => {
        heard += data.byteLength
      })
      stream.send(
        Buffer.concat([
          withLength(TunnelAnswer.encode({ code: 0 })),
          ...Array.from({ length: 8 }, () => encodeCredit(0xffffffff))
        ])
      )
      stream.pause()
      streams.push(stream)
    })
    const registry = new TunnelRegistry()
    const { tunnel } = await openTunnel({
      dialer: dialerOf(pair.connection),
      protocol: '/generous',
      registry,
      candidate: pair.candidate,
      service: 'svc'
    })
    const block = bytes(MiB)
    const total = 32
    let written = 0
    const push = (): void => {
      while (written < total && tunnel.write(block)) written += 1
    }
    tunnel.on('drain', () => {
      written += 1
      push()
    })
    push()
    let before = -1
    await vi.waitFor(
      () => {
        const isStill = tunnel.bytesOut === before
        before = tunnel.bytesOut
        if (!isStill) throw new Error('the tunnel still sends')
      },
      { timeout: 20_000, interval: 300 }
    )
    expect(tunnel.bytesOut).toBeLessThan(6 * MiB)
    const [stream] = pair.connection().streams.filter((one) => one.protocol === '/generous')
    expect(stream?.writeBufferLength).toBeLessThan(MiB)
    streams[0]?.resume()
    await vi.waitFor(() => expect(heard).toBeGreaterThan(total * MiB), 20_000)
    tunnel.destroy()
    await once(tunnel, 'close')
  })
})
