import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { MeshError } from '@agent-mesh/wire/errors'
import { orderLine, type Order, type Taken } from './order.ts'
import { pour } from './serving.ts'

/** Where a bench is reached: through a forward, or on its port for plain TCP with the token of that. */
export interface Way {
  host: string
  port: number
  token?: string
  /** Ends what is measured, and fails it. */
  signal?: AbortSignal
}

/** One stream, as its receiver saw it. */
export interface StreamFigures {
  bytes: number
  bitsPerSecond: number
}

export interface RequestFigures {
  count: number
  p50Ms: number
  p99Ms: number
}

export interface OpeningFigures {
  count: number
  perSecond: number
}

const requestBytes = 64

/** Connections that are opened at a time. */
const openers = 8

/** What opening and closing may take beyond the seconds of a measurement. */
const graceMs = 15_000

const connectTimeoutMs = 10_000

const broken = (what: string): MeshError =>
  new MeshError('CONNECTION_LOST', `The connection that measured ended early: ${what}.`)

/** Opens a connection, gives its order, works with it for so long at most, and closes it. */
const withConnection = async <T>(
  { host, port, token, signal }: Way,
  order: Order,
  seconds: number,
  work: (socket: Socket) => Promise<T>
): Promise<T> => {
  signal?.throwIfAborted()
  const socket = createConnection({ host, port, noDelay: true, allowHalfOpen: true })
  const late = (): void => void socket.destroy(new MeshError('TIMEOUT', `The bench at ${host} did not answer in time.`))
  const onAbort = (): void => void socket.destroy(signal?.reason)
  signal?.addEventListener('abort', onAbort)
  let timer = setTimeout(late, connectTimeoutMs)
  const failed = new Promise<never>((_, reject) => {
    socket.once('error', reject)
    socket.once('close', () => reject(broken(`${order.do} on ${host}`)))
  })
  const working = async (): Promise<T> => {
    await once(socket, 'connect')
    clearTimeout(timer)
    timer = setTimeout(late, seconds * 1_000 + graceMs)
    socket.write(orderLine(order, token))
    return work(socket)
  }
  try {
    return await Promise.race([working(), failed])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    socket.destroy()
  }
}

/** An order that is answered by one document. */
export const askBench = async (way: Way, order: Order): Promise<unknown> =>
  withConnection(way, order, 0, async (socket) => JSON.parse(await text(socket)))

const rateOf = (bytes: number, ms: number): number => (8_000 * bytes) / ms

/** One stream from here to there for so long. @throws MeshError where the other side got anything but what was sent */
export const measureUp = async (way: Way, seconds: number): Promise<StreamFigures> =>
  withConnection(way, { do: 'sink' }, seconds, async (socket) => {
    const sent = await pour(socket, seconds * 1_000)
    socket.end()
    const { bytes, ms }: Taken = JSON.parse(await text(socket))
    if (bytes !== sent) throw broken(`${sent} bytes were sent and ${bytes} arrived`)
    return { bytes, bitsPerSecond: rateOf(bytes, ms) }
  })

/** One stream from there to here for so long. */
export const measureDown = async (way: Way, seconds: number): Promise<StreamFigures> =>
  withConnection(way, { do: 'source', seconds }, seconds, async (socket) => {
    let bytes = 0
    let firstMs = 0
    socket.on('data', (part: Buffer) => {
      if (bytes === 0) firstMs = performance.now()
      bytes += part.length
    })
    await once(socket, 'end')
    const ms = performance.now() - firstMs
    // A source that is cut off ends before its time.
    if (ms < 900 * seconds) throw broken(`the source ended after ${Math.round(ms)} ms`)
    return { bytes, bitsPerSecond: rateOf(bytes, ms) }
  })

const answered = async (socket: Socket, bytes: number): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  let left = bytes
  const onData = (part: Buffer): void => {
    left -= part.length
    if (left <= 0) resolve()
  }
  socket.on('data', onData)
  await promise
  socket.off('data', onData)
}

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN

/** 64 bytes there and back, one at a time on one connection. The first ten do not count: they warm the path. */
export const measureRequests = async (way: Way, seconds: number): Promise<RequestFigures> =>
  withConnection(way, { do: 'echo' }, seconds, async (socket) => {
    const request = Buffer.alloc(requestBytes, 'm')
    const times: number[] = []
    const untilMs = performance.now() + seconds * 1_000
    while (performance.now() < untilMs || times.length < 11) {
      const fromMs = performance.now()
      socket.write(request)
      await answered(socket, requestBytes)
      times.push(performance.now() - fromMs)
    }
    const sorted = times.slice(10).toSorted((a, b) => a - b)
    return { count: sorted.length, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) }
  })

/** Connections that are opened, used for a byte each way, and closed; eight at a time. */
export const measureOpenings = async (way: Way, seconds: number): Promise<OpeningFigures> => {
  const fromMs = performance.now()
  const untilMs = fromMs + seconds * 1_000
  let count = 0
  const opener = async (): Promise<void> => {
    while (performance.now() < untilMs) {
      await withConnection(way, { do: 'echo' }, 0, async (socket) => {
        socket.write('m')
        await answered(socket, 1)
      })
      count++
    }
  }
  await Promise.all(Array.from({ length: openers }, opener))
  return { count, perSecond: (1_000 * count) / (performance.now() - fromMs) }
}
