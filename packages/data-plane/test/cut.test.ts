import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { makeService, parseListenAddress } from '@agent-mesh/data-plane'
import { parseTarget } from '@agent-mesh/wire'
import { portOf, startPair, type Cut, type Pair } from './libp2p-pair.ts'
import { bytes, openClient, startService, type TestService } from './servers.ts'

const rounds = 100
const ways: Cut[] = ['fin', 'rst', 'close', 'abort']

describe('a connection that is cut in mid-transfer', () => {
  let pair: Pair
  let service: TestService
  let port: number
  const uploads: string[] = []

  beforeAll(async () => {
    pair = await startPair()
    const block = bytes(64 * 1024)
    service = await startService((socket) => {
      const push = (): void => {
        while (!socket.destroyed && socket.write(block));
      }
      socket.on('drain', push)
      push()
      let end = 'closed'
      socket.on('data', () => {})
      socket.once('end', () => {
        end = 'clean end'
      })
      socket.once('error', (err) => {
        end = 'code' in err ? String(err.code) : err.message
      })
      socket.once('close', () => {
        uploads.push(end)
      })
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
      const { socket, received } = openClient(port)
      const upload = setInterval(() => {
        if (socket.writable) socket.write(bytes(1000))
      }, 1)
      while (socket.bytesRead < 200_000) await once(socket, 'data')
      await pair.cut(ways[round % ways.length] ?? 'fin')
      const { data, error } = await received
      clearInterval(upload)
      outcomes.push(`${error ?? 'clean end'}${data.length < 200_000 ? ' too early' : ''}`)
      await pair.reconnect()
    }
    expect(outcomes.filter((outcome) => outcome !== 'ECONNRESET' && outcome !== 'EPIPE')).toEqual([])
    await vi.waitFor(() => expect(uploads.length).toBe(rounds))
    expect(uploads.filter((end) => end !== 'ECONNRESET' && end !== 'EPIPE')).toEqual([])
    await vi.waitFor(() => {
      expect(pair.caller.plane.tunnels.size).toBe(0)
      expect(pair.callee.plane.tunnels.size).toBe(0)
    })
    const closed = pair.caller.events.filter((event) => event.event === 'tunnel:closed')
    expect(closed.length).toBe(rounds)
    expect(new Set(closed.map((event) => event.code))).toEqual(new Set(['CONNECTION_LOST']))
  }, 60_000)
})
