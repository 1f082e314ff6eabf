import type { Socket } from 'node:net'
import { expect } from 'vitest'
import type { ConformanceRow } from '@agent-mesh/testkit/conformance'
import { startService } from '../../servers.ts'
import { startProxyPair, talk, type ProxyPair } from '../proxy-pair.ts'

/** A service that is told raw bytes and answers raw bytes, and a client that does the same through the proxy. */
export interface Rig {
  two: ProxyPair
  port: number
  /** Everything that the service was told since the last exchange began, over all its connections. */
  asked: () => string
  /** One conversation, to its end or until nothing is said any more. */
  exchange: (options: Exchange) => Promise<Heard>
  stop: () => Promise<void>
}

export type Answer = (socket: Socket, request: string) => void

interface Exchange {
  /** Pieces are sent one after the other, each after something new was heard. */
  send: string | string[]
  /** Called for each head of a request that reaches the service. Default: 200 with `ok`. */
  answer?: string | Answer
  /** The client ends its half after the last piece. */
  isEnded?: boolean
  onHeard?: (heard: string) => void
  /** Enough was heard; default: to the end. */
  until?: (heard: string) => boolean
}

interface Heard {
  text: string
  /** `open` where the proxy keeps the connection. */
  ending: 'end' | 'reset' | 'open'
}

export type Row = ConformanceRow<Rig>

const quietMs = 2_000
export const ok = 'HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 2\r\n\r\nok'

const converse = async (
  port: number,
  { send, isEnded = false, until = () => false, onHeard }: Exchange
): Promise<Heard> => {
  const pieces = [send].flat()
  const { socket, end, until: hears, heard: all } = await talk(port)
  if (onHeard !== undefined) socket.on('data', () => onHeard(all().toString('latin1')))
  let ending: Heard['ending'] = 'open'
  socket.once('end', () => {
    ending = 'end'
  })
  socket.on('error', () => {
    ending = 'reset'
  })
  const timer = setTimeout(() => socket.destroy(), quietMs * pieces.length)
  let known = 0
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await hears((heard) => heard.length > known).catch(() => undefined)
    known = (await hears(() => true)).length
    socket.write(piece, 'latin1')
  }
  if (isEnded) socket.end()
  const heard = await Promise.race([end, hears((bytes) => until(bytes.toString('latin1'))).catch(() => end)])
  clearTimeout(timer)
  socket.destroy()
  return { text: heard.toString('latin1'), ending }
}

const silent: Answer = () => {}

export const startRig = async (): Promise<Rig> => {
  const two = await startProxyPair({ isIdentified: true })
  let told: string[] = []
  let answer: Answer = silent
  const web = await startService((socket) => {
    let mine = ''
    let answered = 0
    socket.on('data', (data) => {
      const text = data.toString('latin1')
      told.push(text)
      mine += text
      const heads = mine.match(/[A-Z]+ \S+ HTTP\/1\.\d\r\n(?:[^\r\n]+\r\n)*\r\n/g) ?? []
      for (; answered < heads.length; answered++) answer(socket, heads[answered] ?? '')
    })
    socket.once('end', () => socket.end())
  })
  two.serve('web', `http://127.0.0.1:${web.port}`)
  const echoing = await startService((socket) => socket.pipe(socket))
  two.serve('raw', echoing.address)
  const port = await two.open('http')
  return {
    two,
    port,
    asked: () => told.join(''),
    exchange: async (options) => {
      told = []
      const { answer: given = ok } = options
      answer = typeof given === 'string' ? (socket) => socket.write(given, 'latin1') : given
      return converse(port, options)
    },
    stop: async () => {
      await two.stop()
      web.stop()
      echoing.stop()
    }
  }
}

export const host = 'web.alice.mesh'
export const url = `http://${host}`

/** A request in absolute form; its connection is over afterwards unless it says otherwise. */
export const request = (method: string, lines: string[] = [], body = '', connection = 'close'): string =>
  [`${method} ${url}/x HTTP/1.1`, `Host: ${host}`, `Connection: ${connection}`, ...lines, '', body].join('\r\n')

export const get = (...lines: string[]): string => request('GET', lines)

export const statuses = (heard: string): number[] =>
  [...heard.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))

/** The proxy answers by itself, and nothing reaches the service. */
export const refuses =
  (send: string, status: number, type: string) =>
  async (rig: Rig): Promise<void> => {
    const { text } = await rig.exchange({ send })
    expect(statuses(text)).toEqual([status])
    expect(text).toMatch(new RegExp(`\\r\\nProxy-Status: mesh-node; error=${type};`))
    expect(rig.asked()).toBe('')
  }

/** What the service says is no answer that may go on. */
export const distrusts =
  (answer: string, type: string) =>
  async (rig: Rig): Promise<void> => {
    const { text } = await rig.exchange({ send: get(), answer })
    expect(statuses(text)).toEqual([502])
    expect(text).toMatch(new RegExp(`\\r\\nProxy-Status: mesh-node; error=${type};`))
  }

export const bodyOf = (heard: string): string => heard.slice(heard.lastIndexOf('\r\n\r\n') + 4)
