import { setTimeout as after } from 'node:timers'
import type { Duplex } from 'node:stream'
import { MeshError } from '@agent-mesh/wire/errors'
import { limits } from '@agent-mesh/wire/limits'

/**
 * What a connection to a bench is for. It is the first line of the connection, as JSON; what follows is payload.
 * `sink` takes bytes and answers with a {@link Taken}, `source` sends for so long, `echo` sends back what it gets.
 */
export type Order =
  | { do: 'hello' | 'cpu' | 'sink' | 'echo' }
  | { do: 'source'; seconds: number }
  /** Asks for a port for plain TCP. */
  | { do: 'plain'; peerId: string }

/** The answer to `hello`: it tells a bench from another service of the name. */
export interface Hello {
  bench: 1
}

/** What a `sink` got, from its first byte to the end of the stream. */
export interface Taken {
  bytes: number
  ms: number
}

/** The answer to `plain`: where, or why not. */
export type PlainOffer = { port: number; token: string } | { reason: string }

const lineBytes = 512

/** A line that a client sends first. @param token - of the port for plain TCP, and of no other */
export const orderLine = (order: Order, token?: string): string =>
  `${JSON.stringify(token === undefined ? order : { ...order, token })}\n`

const unreadable = (): MeshError => new MeshError('SERVICE_INVALID', 'That is not an order for a bench.')

const words = ['hello', 'cpu', 'sink', 'echo'] as const

/** @throws MeshError SERVICE_INVALID for a line that is no order, or asks for more than {@link limits} allow */
export const parseOrder = (line: string): { order: Order; token: string | undefined } => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw unreadable()
  }
  const { do: what, seconds, peerId, token: given }: Record<string, unknown> = Object(value)
  const token = typeof given === 'string' ? given : undefined
  const word = words.find((one) => one === what)
  if (word !== undefined) return { order: { do: word }, token }
  if (what === 'plain' && typeof peerId === 'string') return { order: { do: what, peerId }, token }
  const isTime = typeof seconds === 'number' && seconds > 0 && seconds <= limits.benchSeconds
  if (what === 'source' && isTime) return { order: { do: what, seconds }, token }
  throw unreadable()
}

/**
 * The first line of a stream; what comes after it stays unread, and the stream paused.
 * @throws MeshError SERVICE_INVALID where there is none soon, and what ended the stream
 */
export const readLine = async (stream: Duplex, timeoutMs: number): Promise<string> => {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let read = Buffer.alloc(0)
  const onData = (chunk: Buffer): void => {
    read = Buffer.concat([read, chunk])
    const end = read.indexOf(0x0a)
    if (end === -1) return read.length > lineBytes ? reject(unreadable()) : undefined
    stream.off('data', onData).pause()
    const rest = read.subarray(end + 1)
    if (rest.length > 0) stream.unshift(rest)
    resolve(read.subarray(0, end).toString())
  }
  const onEnd = (): void => reject(unreadable())
  const timer = after(onEnd, timeoutMs)
  stream.on('data', onData).once('end', onEnd).once('close', onEnd).once('error', reject)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    stream.off('data', onData).off('end', onEnd).off('close', onEnd).off('error', reject)
  }
}
