import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { LabHost } from '@agent-mesh/testkit/lab'

/**
 * A program in a host that does what the lines of its input say. UDP at port 7000 is counted, at port 7001 it is sent back;
 * TCP at port 7000 is read to its end and answered with the hash of it.
 */
const program = String.raw`
const dgram = require('node:dgram'), net = require('node:net'), { createHash, randomBytes } = require('node:crypto')
let heard = 0
const udp = dgram.createSocket('udp4'); udp.on('message', () => { heard += 1 }); udp.on('error', () => {})
net.createServer({ allowHalfOpen: true }, (socket) => {
  const hash = createHash('sha256')
  socket.on('data', (chunk) => hash.update(chunk)); socket.on('error', () => {})
  socket.on('end', () => socket.end(hash.digest('hex')))
}).listen(7000)
const mirror = dgram.createSocket('udp4'); mirror.on('message', (bytes, { address, port }) => mirror.send(bytes, port, address))
mirror.bind(7001)
const pause = () => new Promise((resolve) => setTimeout(resolve, 1))
const send = async ({ to, count, bytes }) => {
  for (let n = 0; n < count; n++) {
    await new Promise((resolve) => udp.send(Buffer.alloc(bytes), 7000, to, () => resolve()))
    if (n % 20 === 19) await pause()
  }
  return { sent: count }
}
const echo = ({ to, count, timeoutMs }) => new Promise((resolve) => {
  const socket = dgram.createSocket('udp4'), sentMs = [], order = [], tookMs = []
  const end = () => { clearInterval(timer); clearTimeout(late); socket.close(); resolve({ order, tookMs }) }
  const late = setTimeout(end, timeoutMs)
  socket.on('error', () => {}); socket.on('message', (bytes) => {
    const at = bytes.readUInt32BE()
    order.push(at); tookMs[at] = performance.now() - sentMs[at]
    if (order.length === count) end()
  })
  const timer = setInterval(() => {
    const bytes = Buffer.alloc(100), at = sentMs.length
    if (at === count) return clearInterval(timer)
    bytes.writeUInt32BE(at)
    sentMs.push(performance.now()); socket.send(bytes, 7001, to)
  }, 1)
})
const carry = ({ to, bytes, text, timeoutMs }) => new Promise((resolve) => {
  const began = performance.now()
  const socket = net.connect(7000, to)
  const content = text ? Buffer.from(text) : randomBytes(bytes), hash = createHash('sha256').update(content).digest('hex')
  let answer = ''
  const end = (isThrough) => { socket.destroy(); resolve({ isThrough, elapsedMs: performance.now() - began }) }
  setTimeout(end, timeoutMs, false).unref()
  socket.on('error', () => end(false)); socket.on('data', (chunk) => { answer += chunk }); socket.on('end', () => end(answer === hash))
  socket.end(content)
})
const tasks = { send, echo, carry, heard: async () => ({ heard }) }
udp.bind(7000, () => console.log('{}'))
require('node:readline').createInterface({ input: process.stdin }).on('line', async (line) => {
  const task = JSON.parse(line)
  console.log(JSON.stringify(await tasks[task.is](task)))
}).on('close', () => process.exit())
`

export interface Probe {
  /** Sends so many datagrams. */
  send: (to: string, count: number, bytes?: number) => Promise<void>
  /** Datagrams that have come so far. */
  heard: () => Promise<number>
  /** Sends so many datagrams, one a millisecond, and waits until all are back. @returns how they came back */
  echo: (to: string, count: number, timeoutMs?: number) => Promise<{ order: number[]; tookMs: number[] }>
  /** Sends bytes, or a text, over TCP and waits until the other side has had all of them unchanged. */
  carry: (to: string, what: number | string, timeoutMs?: number) => Promise<{ isThrough: boolean; elapsedMs: number }>
  stop: () => void
}

interface Answer {
  heard: number
  isThrough: boolean
  elapsedMs: number
  order: number[]
  tookMs: number[]
}

/** Starts the program. */
export const probe = async (host: LabHost): Promise<Probe> => {
  const child: ChildProcess = spawn(...host.command(process.execPath, '-e', program), {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  if (child.stdin === null || child.stdout === null) throw new Error('A probe without input and output.')
  const { stdin } = child
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async (): Promise<Answer> => JSON.parse(String((await lines.next()).value))
  const ask = async (task: object): Promise<Answer> => {
    stdin.write(`${JSON.stringify(task)}\n`)
    return answer()
  }
  await answer()
  return {
    send: async (to, count, bytes = 100) => void (await ask({ is: 'send', to, count, bytes })),
    heard: async () => (await ask({ is: 'heard' })).heard,
    echo: async (to, count, timeoutMs = 10_000) => ask({ is: 'echo', to, count, timeoutMs }),
    carry: async (to, what, timeoutMs = 2_000) =>
      ask({ is: 'carry', to, timeoutMs, ...(typeof what === 'string' ? { text: what } : { bytes: what }) }),
    stop: () => void child.kill('SIGKILL')
  }
}
