import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { makeService, parseListenAddress } from '@agent-mesh/data-plane'
import { parseTarget } from '@agent-mesh/wire'
import { portOf, startPair, type Cut, type Pair } from './libp2p-pair.ts'
import { bytes, openClient, startService, type TestService } from './servers.ts'

const rounds = 100
const ways: Cut[] = ['fin', 'rst', 'close', 'abort']
/** One way alone shows whether the reader takes the cut for an end: it writes nothing that could fail. */
const traffics = ['down', 'up', 'both'] as const

const block = bytes(64 * 1024)

/** Writes for ever, as fast as it is taken. */
const flood = (socket: Socket): void => {
  const push = (): void => {
    while (!socket.destroyed && socket.write(block));
  }
  socket.on('drain', push)
  push()
}

const isReset = (end: string | undefined): boolean => end === 'ECONNRESET' || end === 'EPIPE'

describe('a connection that is cut in mid-transfer', () => {
  let pair: Pair
  let port: number
  let service: TestService
  const ends: string[] = []

  beforeAll(async () => {
    pair = await startPair()
    service = await startService((socket) => {
      let end = 'closed'
      socket.once('end', () => {
        end = 'clean end'
      })
      socket.once('error', (err) => {
        end = 'code' in err ? String(err.code) : err.message
      })
      socket.once('close', () => ends.push(end))
      // The first letter says who is to write: d(own) or b(oth) the service, u(p) or b(oth) the client.
      socket.once('data', (first) => {
        if (first[0] !== 'u'.charCodeAt(0)) flood(socket)
      })
      socket.resume()
    })
    pair.callee.plane.addService(makeService('endless', service.address))
    const forward = await pair.caller.plane.addForward({
      listen: parseListenAddress('127.0.0.1:0'),
      target: parseTarget('callee/endless')
    })
    port = portOf(forward.listen)
  })
  afterAll(async () => {
    await pair.stop()
    service.stop()
  })

  it(`is a reset for the client and for the service, never an end: ${rounds} of ${rounds}`, async () => {
    const outcomes: string[] = []
    for (let round = 0; round < rounds; round++) {
      const traffic = traffics[round % traffics.length] ?? 'both'
      const way = ways[round % ways.length] ?? 'fin'
      const { socket, received } = openClient(port)
      socket.write(traffic)
      await vi.waitFor(() => expect(service.sockets.size).toBe(1))
      if (traffic !== 'down') flood(socket)
      const [upstream] = service.sockets
      const moved = (): number => (traffic === 'up' ? (upstream?.bytesRead ?? 0) : socket.bytesRead)
      while (moved() < 500_000) await once(traffic === 'up' ? (upstream ?? socket) : socket, 'data')
      await pair.cut(way)
      const { error } = await received
      await vi.waitFor(() => expect(ends.length).toBe(round + 1))
      const end = ends.at(-1)
      if (!isReset(error) || !isReset(end)) outcomes.push(`${traffic} ${way}: client ${error}, service ${end}`)
      await pair.reconnect()
    }
    expect(outcomes).toEqual([])
    await vi.waitFor(() => {
      expect(pair.caller.plane.tunnels.size).toBe(0)
      expect(pair.callee.plane.tunnels.size).toBe(0)
    })
    expect(pair.caller.plane.listForwards()[0]).toMatchObject({
      failedTunnels: 0,
      lastError: { code: 'CONNECTION_LOST' }
    })
    const closed = pair.caller.events.filter((event) => event.event === 'tunnel:closed')
    expect(closed.length).toBe(rounds)
    expect(new Set(closed.map((event) => event.code))).toEqual(new Set(['CONNECTION_LOST']))
  }, 60_000)
})
