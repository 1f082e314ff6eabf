import { setTimeout as wait } from 'node:timers/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seed } from '@agent-mesh/testkit/mutations'
import { startPair, type Pair } from '../../packages/node/test/host/webrtc-pair.ts'
import { digestOf, seededSha256, seededStream } from '../e2e/harness/seeded-bytes.ts'
import { inForm } from './harness/form.ts'

/**
 * A reader that stops behind a WebRTC connection, which has no flow control of its own, stops its sender within the
 * credits of the tunnel, costs a node at most 64 MiB, holds up no other tunnel, and loses nothing when it goes on.
 */
const sizeBytes = inForm({ short: 64, full: 1024 }) * 1024 * 1024
const warmBytes = 16 * 1024 * 1024
const stallSeconds = inForm({ short: 8, full: 60 })
/** As for one node, though both share this process, and the relay that brought them together. */
const mostGrowthBytes = 64 * 1024 * 1024

let pair: Pair
let sender: Socket | undefined
const source = createServer((socket) => {
  sender = socket
  seededStream(seed, sizeBytes).pipe(socket)
  socket.on('error', () => {})
  socket.resume()
})
const small = createServer((socket) => {
  seededStream(seed, warmBytes).pipe(socket)
  socket.on('error', () => {})
  socket.resume()
})
const echo = createServer((socket) => {
  // A caller that has its answer may end with a reset.
  socket.on('error', () => {})
  socket.pipe(socket)
})

beforeAll(async () => {
  pair = await startPair()
  for (const server of [source, small, echo]) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
})
afterAll(async () => {
  await pair.stop()
  source.close()
  small.close()
  echo.close()
})

const portOf = (server: Server): number => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

const echoed = async (port: number): Promise<string> => {
  const socket = connect({ host: '127.0.0.1', port })
  socket.write('hello')
  const [answer]: unknown[] = await once(socket, 'data', { signal: AbortSignal.timeout(5_000) })
  socket.end()
  return String(answer)
}

test('a reader that stops behind WebRTC', async () => {
  const { caller, callee, relayed } = pair
  const signal = AbortSignal.timeout(20_000)
  const connection = await caller.webrtc.connect(callee.libp2p.peerId, { over: relayed, signal })
  await relayed.close()
  pair.use(connection)
  const other = await pair.forward('echo', portOf(echo))
  const slow = await pair.forward('source', portOf(source))
  expect(await echoed(other)).toBe('hello')
  // What a first transfer takes for good is not what a stopped reader costs.
  const warm = connect({ host: '127.0.0.1', port: await pair.forward('warm', portOf(small)) })
  expect(await digestOf(warm)).toMatchObject({ sizeBytes: warmBytes })

  const rssBefore = process.memoryUsage().rss
  const socket = connect({ host: '127.0.0.1', port: slow, allowHalfOpen: true })
  socket.pause()
  const sent: number[] = []
  let growth = 0
  // Not a wait for something to happen: that nothing happens for this long is what is tested.
  for (let second = 0; second < stallSeconds; second++) {
    await wait(1_000)
    expect(await echoed(other)).toBe('hello')
    sent.push(sender?.bytesWritten ?? 0)
    growth = Math.max(growth, process.memoryUsage().rss - rssBefore)
  }
  const MiB = 2 ** 20
  console.log(
    `the sender stopped after ${((sent.at(-1) ?? 0) / MiB).toFixed(1)} of ${sizeBytes / MiB} MiB, all nodes together grew by ${Math.round(growth / MiB)} MiB, seed ${seed}`
  )
  expect(sent.at(-1)).toBeGreaterThan(0)
  expect(sent.at(-1)).toBeLessThan(sizeBytes)
  expect(new Set(sent.slice(-3)).size).toBe(1)
  expect(growth).toBeLessThanOrEqual(mostGrowthBytes)

  const startedMs = performance.now()
  expect(await digestOf(socket)).toEqual({ sizeBytes, sha256: seededSha256(seed, sizeBytes) })
  const seconds = (performance.now() - startedMs) / 1000
  console.log(`the rest came with ${((sizeBytes - (sent.at(-1) ?? 0)) / MiB / seconds).toFixed(1)} MiB/s`)
  socket.end()
})
