import { finish, whyMissing } from '../program.ts'
import { endOf, serveProgram } from './service.ts'
import type { Metric, Workload } from './workload.ts'

const perSecond: Metric = { unit: '1/s', isHigherBetter: true }
const delay: Metric = { unit: 'ms', isHigherBetter: false }
const connections = [1, 64, 256]

/** Many connections are measured for longer: wrk opens them within its time, and that is not what is asked. */
const manyConnections = 256

/** A first answer may wait for all others that are opened; wrk takes one after two seconds for an error unless told. */
const answerTimeout = '15s'

const msPer: Record<string, number> = { us: 0.001, ms: 1, s: 1_000 }

const hostOf = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/** Rate and 99th percentile out of what wrk prints. @throws Error if it saw anything but whole answers */
export const readWrk = (text: string): { rate: number; p99Ms: number } => {
  const [, rate] = /^Requests\/sec:\s+([\d.]+)$/m.exec(text) ?? []
  const [, p99, unit = ''] = /^\s+99%\s+([\d.]+)(us|ms|s)\s*$/m.exec(text) ?? []
  if (rate === undefined || p99 === undefined || /Non-2xx|Socket errors/.test(text))
    throw new Error(`wrk says: ${text.trim()}`)
  return { rate: Number(rate), p99Ms: Number(p99) * (msPer[unit] ?? Number.NaN) }
}

/** Clients that keep their connections and ask as soon as they have their answer. */
export const http: Workload = {
  name: 'http',
  describe: 'HTTP keep-alive, wrk with 1, 64 and 256 connections',
  metrics: { '1': perSecond, '64': perSecond, '256': perSecond, 'p99 of 64': { ...delay, isUneven: true } },
  missing: () => whyMissing('wrk'),
  serve: async (place) => serveProgram(place, 'http-server'),
  turn: async (place, { ends }, seconds) => {
    const end = endOf(ends)
    const figures: Record<string, number> = {}
    for (const count of connections) {
      const lasting = count < manyConnections ? seconds : 2 * seconds
      const load = ['-t', '1', '-c', String(count), '-d', `${lasting}s`, '--timeout', answerTimeout, '--latency']
      const { rate, p99Ms } = readWrk(
        await finish(place.near, 'wrk', ...load, `http://${hostOf(end.host)}:${end.port}/`)
      )
      figures[String(count)] = rate
      if (count === 64) figures['p99 of 64'] = p99Ms
    }
    return { figures, bytes: 0 }
  }
}
