import { setTimeout as wait } from 'node:timers/promises'
import { finish, freePort, start, untilListening } from '../program.ts'
import { numberOf } from './service.ts'
import type { End } from '../contenders/contender.ts'
import type { Place } from '../place/place.ts'
import type { Services } from './workload.ts'

/** One server on the far side. In a namespace it binds every address, since contenders bring interfaces of their own. */
export const serveIperf = async ({ kind, far }: Place): Promise<Services> => {
  const port = await freePort()
  const bind = kind === 'loopback' ? ['-B', '127.0.0.1'] : []
  const server = start(far, 'iperf3', '-s', '-p', String(port), ...bind)
  await untilListening(far, port)
  return { ports: [port], stop: server.stop }
}

/** What one run of iperf3 received. */
export interface Received {
  bitsPerSecond: number
  bytes: number
}

const tries = 20
const retryMs = 250

/** Streams for so long; `down` is from the service to the client. @throws Error with what iperf3 says */
export const runIperf = async (
  { near }: Place,
  end: End,
  options: { streams: number; seconds: number; direction: 'up' | 'down' }
): Promise<Received> => {
  const { streams, seconds, direction } = options
  const reverse = direction === 'down' ? ['-R'] : []
  const args = ['-c', end.host, '-p', String(end.port), '-P', String(streams), '-t', String(seconds), '-J', ...reverse]
  for (let left = tries; ; left--) {
    const text = await finish(near, 'iperf3', ...args)
    // The server takes one client at a time, and learns late that the one before has gone.
    if (left > 0 && text.includes('the server is busy')) {
      await wait(retryMs)
      continue
    }
    const said: unknown = JSON.parse(text)
    return {
      bitsPerSecond: numberOf(said, 'end', 'sum_received', 'bits_per_second'),
      bytes: numberOf(said, 'end', 'sum_received', 'bytes')
    }
  }
}
