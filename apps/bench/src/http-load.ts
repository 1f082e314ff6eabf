import { Agent, createServer, request, type Server } from 'node:http'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { quantile } from './quantile.ts'

/** What clients that ask one after the other saw. Times in milliseconds. */
export interface LoadResult {
  requests: number
  /** Texts of the first few. */
  errors: string[]
  p50Ms: number
  p99Ms: number
}

const errorsKept = 10

const ask = async (agent: Agent, port: number, path: string, host: string): Promise<void> => {
  const outgoing = request({ agent, host: '127.0.0.1', port, path, headers: { Host: host } }).end()
  const [response] = await once(outgoing, 'response')
  response.resume()
  await once(response, 'end')
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`)
}

/**
 * So many clients, each with one connection that it keeps, for so long. Each asks as soon as it has its answer, or, with
 * `everyMs`, at that interval; a request that comes late then, since the one before it took long, counts from when it
 * was due.
 */
export const runHttpLoad = async (options: {
  port: number
  path: string
  host: string
  clients: number
  ms: number
  everyMs?: number
}): Promise<LoadResult> => {
  const { port, path, host, clients, ms, everyMs = 0 } = options
  const times: number[] = []
  const errors: string[] = []
  const from = performance.now()
  const until = from + ms
  const client = async (_: unknown, id: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let due = from + (everyMs * id) / clients; performance.now() < until; due += everyMs) {
      const early = due - performance.now()
      if (everyMs > 0 && early > 0) await wait(early)
      const began = everyMs > 0 && early < 0 ? due : performance.now()
      try {
        await ask(agent, port, path, host)
        times.push(performance.now() - began)
      } catch (err) {
        if (errors.length < errorsKept) errors.push(String(err))
      }
    }
    agent.destroy()
  }
  await Promise.all(Array.from({ length: clients }, client))
  const sorted = Float64Array.from(times).toSorted()
  return { requests: times.length, errors, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) }
}

/** A service that answers everything with two bytes. */
export const startSmallOrigin = async (): Promise<{ server: Server; port: number }> => {
  const server = createServer((_request, response) => response.end('ok'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the origin has no port')
  return { server, port: address.port }
}
