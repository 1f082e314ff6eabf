/**
 * Throughput of one tunnel beside a bare libp2p stream over the same channel, in two processes, on built code.
 * Run: node packages/data-plane/test/throughput.ts [MiB] [rounds]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { makeService, parseListenAddress, createDataPlane, type DataPlane } from '@agent-mesh/data-plane'
import { parseTarget } from '@agent-mesh/wire'
import { dialerOf, listen, portOf, protocol, startNode } from './libp2p-pair.ts'

const bare = '/bare/1.0.0'
const role = process.argv[2]
const chunk = Buffer.alloc(64 * 1024, 7)

const runCallee = async (): Promise<void> => {
  const node = await startNode()
  const plane: DataPlane = createDataPlane({
    resolver: { resolve: async () => [] },
    dialer: {
      open: async () => {
        throw new Error('unused')
      }
    },
    authorizer: { mayOpen: () => ({ allowed: true, rule: 'bench' }) },
    protocol
  })
  const report = (bytes: number): void => {
    process.send?.({ bytes })
  }
  const count = (total: number, done: () => void): ((length: number) => void) => {
    let seen = 0
    return (length) => {
      if ((seen += length) >= total) done()
    }
  }
  let total = 0
  process.on('message', (message: { total: number }) => {
    total = message.total
  })
  const sink = createServer((socket) => {
    const add = count(total, () => report(total))
    socket.on('data', (data) => add(data.length))
  })
  plane.addService(makeService('sink', `tcp://127.0.0.1:${await listen(sink)}`))
  await node.handle(protocol, plane.handler, plane.handlerOptions)
  await node.handle(bare, (stream) => {
    const add = count(total, () => report(total))
    stream.addEventListener('message', (event) => add(event.data.byteLength))
  })
  // The same sockets at both ends, but nothing between them and the stream: no frames, no credits.
  await node.handle('/bridge/1.0.0', (stream) => {
    const socket = connect({
      host: '127.0.0.1',
      port: (sink.address() as { port: number }).port,
      highWaterMark: 256 * 1024
    })
    stream.addEventListener('message', (event) => {
      for (const piece of event.data instanceof Uint8Array ? [event.data] : event.data) {
        if (!socket.write(piece) && stream.readStatus === 'readable') stream.pause()
      }
    })
    socket.on('drain', () => {
      if (stream.readStatus === 'paused') stream.resume()
    })
  })
  process.send?.({ address: node.getMultiaddrs()[0]?.toString() })
}

const writeBare = async (stream: Stream, total: number): Promise<void> => {
  for (let sent = 0; sent < total; sent += chunk.length) {
    if (!stream.send(chunk))
      await new Promise<void>((resolve) =>
        stream.addEventListener('drain', () => queueMicrotask(resolve), { once: true })
      )
  }
}

const writeSocket = async (port: number, total: number): Promise<void> => {
  const socket = connect({ host: '127.0.0.1', port, highWaterMark: 256 * 1024 })
  socket.on('error', () => {})
  for (let sent = 0; sent < total; sent += chunk.length) {
    if (!socket.write(chunk)) await once(socket, 'drain')
  }
}

const runCaller = async (total: number, rounds: number): Promise<void> => {
  const child = fork(new URL(import.meta.url), ['callee'])
  const [{ address }] = (await once(child, 'message')) as [{ address: string }]
  const node = await startNode([])
  const connection = await node.dial(multiaddr(address))
  const plane = createDataPlane({
    resolver: { resolve: async () => [{ peerId: connection.remotePeer, service: 'sink', reason: 'bench' }] },
    dialer: dialerOf(() => connection),
    authorizer: { mayOpen: () => ({ allowed: false, code: 'DENIED', rule: 'bench' }) },
    protocol
  })
  const forward = await plane.addForward({
    listen: parseListenAddress('127.0.0.1:0'),
    target: parseTarget('sink/sink')
  })
  const bridge = createServer({ highWaterMark: 256 * 1024 }, (socket) => {
    void connection.newStream('/bridge/1.0.0').then((stream) => {
      socket.on('data', (data) => {
        if (!stream.send(data)) socket.pause()
      })
      stream.addEventListener('drain', () =>
        queueMicrotask(() => {
          if (!stream.writableNeedsDrain) socket.resume()
        })
      )
    })
  })
  const bridgePort = await listen(bridge)
  const ways: Record<string, () => Promise<void>> = {
    bare: async () => writeBare(await connection.newStream(bare), total),
    bridge: () => writeSocket(bridgePort, total),
    tunnelOnly: async () => {
      const { tunnel } = await plane.openTarget(parseTarget('sink/sink'))
      for (let sent = 0; sent < total; sent += chunk.length) if (!tunnel.write(chunk)) await once(tunnel, 'drain')
    },
    tunnel: () => writeSocket(portOf(forward.listen), total)
  }
  const results: Record<string, number[]> = {}
  for (let round = 0; round <= rounds; round++) {
    for (const [name, write] of Object.entries(ways)) {
      child.send({ total })
      await new Promise((resolve) => setTimeout(resolve, 100))
      const startedMs = performance.now()
      const done = once(child, 'message')
      await write()
      await done
      const rate = total / (performance.now() - startedMs) / 1000
      if (round > 0) (results[name] ??= []).push(rate)
    }
  }
  for (const [name, rates] of Object.entries(results)) {
    const sorted = rates.toSorted((a, b) => a - b)
    console.log(
      name.padEnd(12),
      rates.map((rate) => rate.toFixed(0).padStart(5)).join(' '),
      ' median',
      (sorted[sorted.length >> 1] ?? 0).toFixed(0),
      'MB/s'
    )
  }
  child.kill()
  process.exit(0)
}

if (role === 'callee') await runCallee()
else await runCaller(Number(role ?? 256) * 1024 * 1024, Number(process.argv[3] ?? 5))
