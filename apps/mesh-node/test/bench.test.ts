import { once } from 'node:events'
import { createConnection, type Server, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { limits } from '@agent-mesh/wire/limits'
import { plainHost } from '../src/bench/plain-door.ts'
import { benchLines } from '../src/bench/report.ts'
import { ratiosOf, type Figures } from '../src/bench/run.ts'
import { createBenchServer } from '../src/bench/serving.ts'
import { askBench } from '../src/bench/measuring.ts'
import { orderLine, parseOrder, readLine } from '../src/bench/order.ts'

const servers: Server[] = []
const sockets: Socket[] = []

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of servers.splice(0)) server.close()
})

const listen = async (): Promise<number> => {
  const server = createBenchServer({ cpuSeconds: async () => 7, offerPlain: async () => ({ reason: 'no' }) })
  servers.push(server.listen(0, '127.0.0.1'))
  await once(server, 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('it has no port')
  return bound.port
}

const sourceFor = (seconds: number) => parseOrder(orderLine({ do: 'source', seconds }))

describe('orders', () => {
  it('take a source as long as the limit, and not longer', () => {
    expect(sourceFor(limits.benchSeconds).order).toEqual({ do: 'source', seconds: limits.benchSeconds })
    expect(() => sourceFor(limits.benchSeconds + 1)).toThrow('not an order')
  })

  it('are refused where they are something else', () => {
    for (const line of ['', '{', '[]', 'null', '{"do":"rm"}', '{"do":"source"}', '{"do":"plain"}', '7'])
      expect(() => parseOrder(line), line).toThrow('not an order')
  })

  it('end with their line, and what follows stays to be read', async () => {
    const stream = new PassThrough()
    stream.write('{"do":"ec')
    const line = readLine(stream, 1_000)
    stream.write('ho"}\nrest')
    expect(await line).toBe('{"do":"echo"}')
    expect(stream.read().toString()).toBe('rest')
  })

  it('have an end: a line that is too long, and none at all, are refused', async () => {
    const long = new PassThrough()
    long.write(Buffer.alloc(1_000, 'x'))
    await expect(readLine(long, 1_000)).rejects.toThrow('not an order')
    await expect(readLine(new PassThrough(), 10)).rejects.toThrow('not an order')
  })
})

const answerOf = async (socket: Socket): Promise<string> => {
  const [what] = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => ['closed'])])
  return String(what)
}

it('serves as many connections as the limit, and closes the next', async () => {
  const port = await listen()
  const connect = async (): Promise<Socket> => {
    const socket = createConnection({ host: '127.0.0.1', port })
    sockets.push(socket)
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write(`${orderLine({ do: 'echo' })}m`)
    return socket
  }
  for (let i = 0; i < limits.benchConnections; i++) expect(await answerOf(await connect())).toBe('m')
  expect(await answerOf(await connect())).toBe('closed')
})

it('tells what its node has worked', async () => {
  expect(await askBench({ host: '127.0.0.1', port: await listen() }, { do: 'cpu' })).toEqual({ seconds: 7 })
})

it('takes the host of a straight connection over TCP alone', () => {
  expect(plainHost(['/ip4/5.7.7.1/tcp/40/p2p/12D3a/p2p-circuit'])).toBeUndefined()
  expect(plainHost(['/ip4/5.7.7.1/udp/40/webrtc-direct'])).toBeUndefined()
  expect(plainHost(['/ip4/5.7.7.1/tcp/40/p2p/12D3a/p2p-circuit', '/ip6/5::7/tcp/1/p2p/12D3b'])).toBe('5::7')
})

const figures = (rate: number, ms: number): Figures => ({
  up: { bytes: 1, bitsPerSecond: rate, ...(rate < 1e9 ? { cpuSecondsPerGiB: { here: 2.04 } } : {}) },
  requests: { count: 9, p50Ms: ms, p99Ms: 2 * ms },
  openings: { count: 9, perSecond: 1_000 / ms }
})

describe('the report', () => {
  const document = { peerId: '12D3a', name: 'bob', path: 'direct', seconds: 3, mesh: figures(5e8, 0.5) }

  it('has the ratio to plain TCP', () => {
    const plain = figures(2e9, 0.25)
    expect(benchLines({ ...document, plain, ratios: ratiosOf(document.mesh, plain) })).toEqual([
      'bob, direct path, 3 s for each',
      '                          MESH          PLAIN TCP    RATIO',
      'stream, here to there     500.0 Mbit/s  2.00 Gbit/s  ×0.25',
      'request of 64 bytes, p50  0.50 ms       0.25 ms      +0.25 ms',
      'request of 64 bytes, p99  1.00 ms       0.50 ms      +0.50 ms',
      'short connections         2000/s        4000/s       ×0.50',
      'Processor time per GiB from here to there: 2.0 s here.'
    ])
  })

  it('says why there is none', () => {
    const lines = benchLines({ ...document, noPlain: 'the path is relayed.' })
    expect(lines.at(-1)).toBe('no plain connection: the path is relayed.')
    expect(lines[2]).toBe('stream, here to there     500.0 Mbit/s  -          -')
  })
})
