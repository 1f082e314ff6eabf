/**
 * Throughput of one tunnel beside a bare libp2p stream over the same channel, on built code.
 * Run: node packages/data-plane/test/throughput.ts [MiB] [rounds]
 *
 * bare    libp2p stream: made in the caller's memory, counted in the callee's
 * tunnel  our tunnel alone, in the same way: framing and credits are what it adds
 * bridge  client socket, libp2p stream, service socket, without frames and credits: what the local sockets cost
 * forward client, forward, tunnel, upstream, service: all of it
 *
 * Caller, callee, client and service are processes of their own. Rates move with whatever else the machine does and with
 * the number of its cores; the seconds of CPU per GiB, of caller and callee, are the better witness.
 */
import { fork, type ChildProcess } from 'node:child_process'
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

interface Message {
  port: number
  total: number
  address: string
  cpu: number
  rss: number
}

const say = (message: Partial<Message>): void => {
  process.send?.(message)
}

const hear = async (child: ChildProcess): Promise<Message> => {
  const [message] = await once(child, 'message')
  return message
}

const onMessage = (listener: (message: Message) => void): void => {
  process.on('message', listener)
}

const usage = (): { cpu: number; rss: number } => {
  const { user, system } = process.cpuUsage()
  return { cpu: (user + system) / 1e6, rss: process.resourceUsage().maxRSS / 1000 }
}

/** Counts bytes; says so when all are there. */
let total = 0
let seen = 0
const add = (length: number): void => {
  seen += length
  if (seen >= total) say(usage())
}
const expectBytes = (): void =>
  onMessage((message) => {
    if (message.total === 0) return say(usage())
    total = message.total
    seen = 0
  })

const runService = async (): Promise<void> => {
  expectBytes()
  say({ port: await listen(createServer((socket) => socket.on('data', (data) => add(data.length)))) })
}

const writeDuplex = async (
  socket: NodeJS.EventEmitter & { write: (data: Buffer) => boolean },
  length: number
): Promise<void> => {
  for (let sent = 0; sent < length; sent += chunk.length) {
    if (!socket.write(chunk)) await once(socket, 'drain')
  }
}

const runClient = (): void =>
  onMessage(({ port, total: length }) => {
    const socket = connect({ host: '127.0.0.1', port, ...localSocket })
    socket.on('error', () => {})
    void writeDuplex(socket, length)
  })

/** A bridge without frames and, at this end, without backpressure: the service reads as fast as it can. */
const bridgeOut = (stream: Stream, socket: Socket): void => {
  stream.addEventListener('message', ({ data }) => {
    for (const piece of data instanceof Uint8Array ? [data] : data) socket.write(piece)
  })
}

const runCallee = async (servicePort: number): Promise<void> => {
  const node = await startNode()
  const plane = createDataPlane({
    resolver: { resolve: () => Promise.resolve([]) },
    dialer: { open: () => Promise.reject(new Error('unused')) },
    authorizer: { mayOpen: () => ({ allowed: true, rule: 'bench' }) },
    protocol
  })
  expectBytes()
  plane.addService(makeService('svc', `tcp://127.0.0.1:${servicePort}`))
  await node.handle(protocol, plane.handler, plane.handlerOptions)
  await node.handle('/bare', (stream) => stream.addEventListener('message', ({ data }) => add(data.byteLength)))
  await node.handle('/tunnel', (stream) => {
    const tunnel = new Tunnel({ stream, lease: new CreditBudget().open('bench') })
    void tunnel.preamble.then(() => tunnel.sendPreamble(TunnelAnswer.encode({ code: 0 })))
    tunnel.on('data', (data: Buffer) => add(data.length))
  })
  await node.handle('/bridge', (stream) => {
    bridgeOut(stream, connect({ host: '127.0.0.1', port: servicePort, ...localSocket }))
  })
  say({ address: node.getMultiaddrs()[0]?.toString() ?? '' })
}

const writeStream = async (stream: Stream, length: number): Promise<void> => {
  for (let sent = 0; sent < length; sent += chunk.length) {
    if (stream.send(chunk)) continue
    while (stream.writableNeedsDrain) {
      await once(stream, 'drain')
      await Promise.resolve()
    }
  }
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

const runCaller = async (length: number, rounds: number): Promise<void> => {
  const children: ChildProcess[] = []
  const start = (...args: string[]): ChildProcess => {
    const child = fork(new URL(import.meta.url), args)
    children.push(child)
    return child
  }
  const service = start('service')
  const callee = start('callee', String((await hear(service)).port))
  const { address } = await hear(callee)
  const client = start('client')
  const node = await startNode([])
  const connection = await node.dial(multiaddr(address))
  const plane = (id: string) =>
    createDataPlane({
      resolver: {
        resolve: () => Promise.resolve([{ peerId: connection.remotePeer, service: 'svc', reason: 'bench' }])
      },
      dialer: dialerOf(() => connection),
      authorizer: { mayOpen: () => ({ allowed: false, code: 'DENIED', rule: 'bench' }) },
      protocol: id
    })
  const target = parseTarget('callee/svc')
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
  const viaClient = (port: number) => async (): Promise<void> => {
    client.send({ port, total: length })
  }
  const ways: Record<string, { counter: ChildProcess; write: () => Promise<void> }> = {
    bare: { counter: callee, write: async () => writeStream(await connection.newStream('/bare'), length) },
    tunnel: {
      counter: callee,
      write: async () => writeDuplex((await plane('/tunnel').openTarget(target)).tunnel, length)
    },
    bridge: { counter: service, write: viaClient(bridgePort) },
    forward: { counter: service, write: viaClient(portOf(forward.listen)) }
  }
  const calleeUsage = async (): Promise<Message> => {
    callee.send({ total: 0 })
    return hear(callee)
  }
  const results = new Map<string, Array<{ rate: number; caller: number; callee: number }>>()
  let calleeMb = 0
  for (let round = 0; round <= rounds; round++) {
    for (const [name, { counter, write }] of Object.entries(ways)) {
      const before = await calleeUsage()
      const callerBefore = usage()
      counter.send({ total: length })
      const startedMs = performance.now()
      const done = hear(counter)
      await write()
      await done
      const rate = length / (performance.now() - startedMs) / 1000
      const after = await calleeUsage()
      calleeMb = after.rss
      if (round === 0) continue
      const perGiB = GiB / length
      results.set(name, [
        ...(results.get(name) ?? []),
        { rate, caller: (usage().cpu - callerBefore.cpu) * perGiB, callee: (after.cpu - before.cpu) * perGiB }
      ])
    }
  }
  const base = median((results.get('bare') ?? []).map((one) => one.rate))
  for (const [name, list] of results) {
    const rate = median(list.map((one) => one.rate))
    console.log(
      name.padEnd(8),
      `${rate.toFixed(0).padStart(5)} MB/s ${((100 * rate) / base).toFixed(0).padStart(4)} %  CPU s/GiB`,
      median(list.map((one) => one.caller)).toFixed(2),
      median(list.map((one) => one.callee)).toFixed(2),
      ' runs',
      list.map((one) => one.rate.toFixed(0)).join(' ')
    )
  }
  console.log(`peak RSS: caller ${usage().rss.toFixed(0)} MB, callee ${calleeMb.toFixed(0)} MB`)
  for (const child of children) child.kill()
  process.exit(0)
}

const [first, second] = process.argv.slice(2)
if (first === 'service') await runService()
else if (first === 'client') runClient()
else if (first === 'callee') await runCallee(Number(second))
else await runCaller(Number(first ?? 256) * 1024 * 1024, Number(second ?? 5))
