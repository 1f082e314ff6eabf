import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { makeService, parseListenAddress } from '@agent-mesh/data-plane'
import { parseTarget } from '@agent-mesh/wire'
import { portOf, startPair, type Pair } from './libp2p-pair.ts'
import { bytes, digestOf, echo, openClient, request, startService, type TestService } from './servers.ts'

const tunnels = 200

describe(`${tunnels} tunnels at once`, () => {
  let pair: Pair
  let service: TestService
  beforeAll(async () => {
    pair = await startPair()
    service = await startService(echo)
  })
  afterAll(async () => {
    await pair.stop()
    service.stop()
  })

  it('carry 1 MiB both ways byte for byte and leave nothing open', async () => {
    pair.callee.plane.addService(makeService('echo', service.address))
    const forward = await pair.caller.plane.addForward({
      listen: parseListenAddress('127.0.0.1:0'),
      target: parseTarget('callee/echo')
    })
    const data = Array.from({ length: tunnels }, () => bytes(1024 * 1024))
    const results = await Promise.all(data.map((one) => request(portOf(forward.listen), one)))
    expect(results.map(({ data: back, error }) => error ?? digestOf(back))).toEqual(data.map(digestOf))
    expect(service.accepted()).toBe(tunnels)

    await vi.waitFor(() => {
      for (const { plane } of [pair.caller, pair.callee]) {
        expect(plane.tunnels.size).toBe(0)
        expect(plane.tunnels.list()).toEqual([])
        expect(plane.tunnels.budget.usage).toEqual({ reservedBytes: 0, heldBytes: 0, tunnels: 0, peers: 0 })
      }
      expect(service.sockets.size).toBe(0)
      const streams = [...pair.caller.node.getConnections(), ...pair.callee.node.getConnections()].flatMap(
        (connection) => connection.streams
      )
      expect(streams.map((stream) => stream.protocol)).toEqual([])
      expect(process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length).toBeLessThanOrEqual(4)
    }, 10_000)
    expect(pair.caller.plane.listForwards()[0]).toMatchObject({
      openTunnels: 0,
      totalTunnels: tunnels,
      failedTunnels: 0
    })
    expect(pair.caller.plane.tunnels.totals).toEqual({
      open: 0,
      total: tunnels,
      bytesIn: tunnels * 1024 * 1024,
      bytesOut: tunnels * 1024 * 1024
    })
    const closed = pair.caller.events.filter((event) => event.event === 'tunnel:closed')
    expect(closed.every((event) => event.code === undefined)).toBe(true)
  }, 60_000)
})

describe('a connection that is full', () => {
  it('still lets a new tunnel open and answer', async () => {
    const pair = await startPair()
    const flood = await startService((socket) => {
      const block = bytes(64 * 1024)
      const push = (): void => {
        while (!socket.destroyed && socket.write(block));
      }
      socket.on('drain', push)
      push()
    })
    const service = await startService(echo)
    pair.callee.plane.addService(makeService('flood', flood.address))
    pair.callee.plane.addService(makeService('echo', service.address))
    const open = async (target: string): Promise<number> => {
      const listen = parseListenAddress('127.0.0.1:0')
      return portOf((await pair.caller.plane.addForward({ listen, target: parseTarget(target) })).listen)
    }
    const [floodPort, echoPort] = await Promise.all([open('callee/flood'), open('callee/echo')])
    const floods = Array.from({ length: 64 }, () => openClient(floodPort))
    await vi.waitFor(() => expect(Math.min(...floods.map(({ socket }) => socket.bytesRead))).toBeGreaterThan(300_000), {
      timeout: 20_000
    })
    const data = bytes(100_000)
    expect(digestOf((await request(echoPort, data)).data)).toBe(digestOf(data))

    const before = floods.map(({ socket }) => socket.bytesRead)
    const gained = (): number[] =>
      floods.map(({ socket }, i) => socket.bytesRead - (before[i] ?? 0)).toSorted((a, b) => a - b)
    await vi.waitFor(() => expect(gained().at(32)).toBeGreaterThan(2_000_000), { timeout: 30_000 })
    expect((gained().at(-1) ?? 0) / (gained().at(0) ?? 1)).toBeLessThan(5)
    for (const { socket } of floods) socket.destroy()
    await pair.stop()
    flood.stop()
    service.stop()
  }, 60_000)
})
