/**
 * Throughput of one tunnel beside a bare libp2p stream over the same channel, in two processes, on built code.
 * Run: node packages/data-plane/test/throughput.ts [MiB] [rounds]
 *
 * bare    libp2p stream, bytes made and counted in memory
 * tunnel  our tunnel alone: made in memory, counted in memory; the framing and the credits are what it adds
 * bridge  local socket, libp2p stream, local socket: what the sockets at both ends cost, without frames and credits
 * forward local socket, forward, tunnel, upstream socket: all of it
 *
 * Rates move with whatever else the machine does; seconds of CPU per GiB (caller, callee) are the better witness.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { createDataPlane, makeService, parseListenAddress } from '@agent-mesh/data-plane'
import { parseTarget, TunnelAnswer } from '@agent-mesh/wire'
import { CreditBudget } from '../src/tunnel/credit-budget.ts'
import { Tunnel } from '../src/tunnel/tunnel.ts'
import { dialerOf, listen, portOf, protocol, startNode } from './libp2p-pair.ts'

const GiB = 1024 ** 3
const chunk = Buffer.alloc(64 * 1024, 7)
const localSocket = { highWaterMark: 256 * 1024 }

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

let total = 0
let seen = 0

const add = (length: number): void => {
  seen += length
  if (seen >= total) process.send?.({ cpu: cpuSeconds() })
}

/** A careful bridge without frames: pauses the stream while the socket is full. */
const bridgeOut = (stream: Stream, socket: Socket): void => {
  stream.addEventListener('message', ({ data }) => {
    let isFree = true
    for (const piece of data instanceof Uint8Array ? [data] : data) isFree = socket.write(piece)
    if (!isFree && stream.readStatus === 'readable') stream.pause()
  })
  socket.on('drain', () => {
    if (stream.readStatus === 'paused') stream.resume()
  })
}

const runCallee = async (): Promise<void> => {
  const node = await startNode()
  const plane = createDataPlane({
    resolver: { resolve: () => Promise.resolve([]) },
    dialer: { open: () => Promise.reject(new Error('unused')) },
    authorizer: { mayOpen: () => ({ allowed: true, rule: 'bench' }) },
    protocol
  })
  process.on('message', (message: { total: number }) => {
    total = message.total
    seen = 0
    process.send?.({ cpu: cpuSeconds() })
  })
  const sinkPort = await listen(createServer((socket) => socket.on('data', (data) => add(data.length))))
  plane.addService(makeService('sink', `tcp://127.0.0.1:${sinkPort}`))
  await node.handle(protocol, plane.handler, plane.handlerOptions)
  await node.handle('/bare', (stream) => stream.addEventListener('message', ({ data }) => add(data.byteLength)))
  await node.handle('/tunnel', (stream) => {
    const tunnel = new Tunnel({ stream, lease: new CreditBudget().open('bench') })
    void tunnel.preamble.then(() => tunnel.sendPreamble(TunnelAnswer.encode({ code: 0 })))
    tunnel.on('data', (data) => add(data.length))
  })
  await node.handle('/bridge', (stream) =>
    bridgeOut(stream, connect({ host: '127.0.0.1', port: sinkPort, ...localSocket }))
  )
  process.send?.({ address: node.getMultiaddrs()[0]?.toString() })
}

const writeStream = async (stream: Stream): Promise<void> => {
  for (let sent = 0; sent < total; sent += chunk.length) {
    if (stream.send(chunk)) continue
    while (stream.writableNeedsDrain)
      await once(stream, 'drain').then(() => new Promise<void>((resolve) => queueMicrotask(resolve)))
  }
}

const writeDuplex = async (socket: { write: (data: Buffer) => boolean } & NodeJS.EventEmitter): Promise<void> => {
  for (let sent = 0; sent < total; sent += chunk.length) {
    if (!socket.write(chunk)) await once(socket, 'drain')
  }
}

const writeSocket = async (port: number): Promise<void> => {
  const socket = connect({ host: '127.0.0.1', port, ...localSocket })
  socket.on('error', () => {})
  await writeDuplex(socket)
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

const runCaller = async (rounds: number): Promise<void> => {
  const child = fork(new URL(import.meta.url), ['callee'])
  const hear = async (): Promise<{ address: string; cpu: number }> => {
    const [message] = await once(child, 'message')
    return message
  }
  const { address } = await hear()
  const node = await startNode([])
  const connection = await node.dial(multiaddr(address))
  const plane = (id: string) =>
    createDataPlane({
      resolver: {
        resolve: () => Promise.resolve([{ peerId: connection.remotePeer, service: 'sink', reason: 'bench' }])
      },
      dialer: dialerOf(() => connection),
      authorizer: { mayOpen: () => ({ allowed: false, code: 'DENIED', rule: 'bench' }) },
      protocol: id
    })
  const target = parseTarget('callee/sink')
  const forward = await plane(protocol).addForward({ listen: parseListenAddress('127.0.0.1:0'), target })
  const bridgeIn = async (socket: Socket): Promise<void> => {
    const stream = await connection.newStream('/bridge')
    socket.on('data', (data) => {
      if (!stream.send(data)) socket.pause()
    })
    stream.addEventListener('drain', () =>
      queueMicrotask(() => {
        if (!stream.writableNeedsDrain) socket.resume()
      })
    )
  }
  const bridgePort = await listen(createServer(localSocket, (socket) => void bridgeIn(socket)))
  const ways: Record<string, () => Promise<void>> = {
    bare: async () => writeStream(await connection.newStream('/bare')),
    tunnel: async () => writeDuplex((await plane('/tunnel').openTarget(target)).tunnel),
    bridge: () => writeSocket(bridgePort),
    forward: () => writeSocket(portOf(forward.listen))
  }
  const results = new Map<string, Array<{ rate: number; caller: number; callee: number }>>()
  for (let round = 0; round <= rounds; round++) {
    for (const [name, write] of Object.entries(ways)) {
      child.send({ total })
      const { cpu: before } = await hear()
      const callerBefore = cpuSeconds()
      const startedMs = performance.now()
      const done = hear()
      await write()
      const { cpu: after } = await done
      const rate = total / (performance.now() - startedMs) / 1000
      if (round === 0) continue
      results.set(name, [
        ...(results.get(name) ?? []),
        { rate, caller: ((cpuSeconds() - callerBefore) * GiB) / total, callee: ((after - before) * GiB) / total }
      ])
    }
  }
  const base = median((results.get('bare') ?? []).map((one) => one.rate))
  for (const [name, list] of results) {
    const rate = median(list.map((one) => one.rate))
    console.log(
      name.padEnd(8),
      rate.toFixed(0).padStart(5),
      'MB/s',
      `${((100 * rate) / base).toFixed(0)} %`.padStart(6),
      '  CPU s/GiB',
      median(list.map((one) => one.caller)).toFixed(2),
      median(list.map((one) => one.callee)).toFixed(2),
      '  runs',
      list.map((one) => one.rate.toFixed(0)).join(' ')
    )
  }
  child.kill()
  process.exit(0)
}

const [first, rounds] = process.argv.slice(2)
if (first === 'callee') await runCallee()
else {
  total = Number(first ?? 256) * 1024 * 1024
  await runCaller(Number(rounds ?? 5))
}
