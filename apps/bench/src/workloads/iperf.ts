import { finish, freePort, start, untilListening } from '../program.ts'
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

const numberAt = (document: unknown, ...path: string[]): number => {
  let one = document
  for (const step of path) one = Object(one)[step]
  return typeof one === 'number' ? one : Number.NaN
}

/** What one run of iperf3 received. */
export interface Received {
  bitsPerSecond: number
  bytes: number
}

/** Streams for so long; `down` is from the service to the client. @throws Error with what iperf3 says */
export const runIperf = async (
  { near }: Place,
  end: End,
  options: { streams: number; seconds: number; direction: 'up' | 'down' }
): Promise<Received> => {
  const { streams, seconds, direction } = options
  const reverse = direction === 'down' ? ['-R'] : []
  const args = ['-c', end.host, '-p', String(end.port), '-P', String(streams), '-t', String(seconds), '-J', ...reverse]
  const said: unknown = JSON.parse(await finish(near, 'iperf3', ...args))
  const bitsPerSecond = numberAt(said, 'end', 'sum_received', 'bits_per_second')
  const bytes = numberAt(said, 'end', 'sum_received', 'bytes')
  if (Number.isNaN(bitsPerSecond + bytes))
    throw new Error(`iperf3 counted nothing: ${JSON.stringify(said).slice(-300)}`)
  return { bitsPerSecond, bytes }
}
