import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { onCleanup } from './cleanup.ts'

/** How a conversation in raw bytes ended: by the other side, cleanly or not, or not at all. */
type RawEnding = 'end' | 'reset' | 'open'

/** A client of raw bytes that may end its half alone. */
export interface RawClient {
  socket: Socket
  heard: () => Buffer
  /** Waits for more; @throws Error where it is over, or was not said in time */
  until: (isEnough: (heard: Buffer) => boolean) => Promise<Buffer>
  /** Waits for the end of what the other side says. @param withinMs - after which it is `open` */
  ending: (withinMs: number) => Promise<RawEnding>
}

const longestMs = 20_000

export const openRawClient = async (port: number): Promise<RawClient> => {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
  onCleanup(() => {
    socket.destroy()
  })
  const parts: Buffer[] = []
  const heard = (): Buffer => Buffer.concat(parts)
  const { promise: over, resolve } = Promise.withResolvers<RawEnding>()
  const looks = new Set<() => void>()
  let isOver = false
  const look = (): void => {
    for (const one of looks) one()
  }
  const finish = (how: RawEnding): void => {
    isOver = true
    resolve(how)
    look()
  }
  socket.on('data', (data) => {
    parts.push(data)
    look()
  })
  socket.on('error', () => finish('reset'))
  socket.once('end', () => finish('end'))
  socket.once('close', () => finish('reset'))
  await once(socket, 'connect')
  return {
    socket,
    heard,
    until: async (isEnough) => {
      const { promise, resolve: done, reject } = Promise.withResolvers<Buffer>()
      const fail = (why: string): void =>
        reject(new Error(`${why} after ${JSON.stringify(heard().toString('latin1'))}`))
      const check = (): void => {
        if (isEnough(heard())) done(heard())
        else if (isOver) fail('it ended')
      }
      const timer = setTimeout(fail, longestMs, 'it said nothing more')
      looks.add(check)
      check()
      try {
        return await promise
      } finally {
        clearTimeout(timer)
        looks.delete(check)
      }
    },
    ending: async (withinMs) => {
      const timer = setTimeout(resolve, withinMs, 'open')
      const how = await over
      clearTimeout(timer)
      return how
    }
  }
}

/** What was heard, and how it ended. */
export interface Heard {
  bytes: number[]
  ending: RawEnding
}

export interface SayOptions {
  /** The client ends its half at once. */
  isEnded?: boolean
  /** Enough was heard; default: to the end. */
  until?: (heard: Buffer) => boolean
  withinMs?: number
}

/** Says bytes to a port and listens. */
export const say = async (
  port: number,
  bytes: Uint8Array | readonly number[],
  { isEnded = false, until, withinMs = 12_000 }: SayOptions = {}
): Promise<Heard> => {
  const client = await openRawClient(port)
  client.socket.write(Uint8Array.from(bytes))
  if (isEnded) client.socket.end()
  if (until !== undefined) await client.until(until)
  const ending = until === undefined ? await client.ending(withinMs) : 'open'
  client.socket.destroy()
  return { bytes: [...client.heard()], ending }
}
