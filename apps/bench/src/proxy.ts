import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cpuTimeMs } from './cpu-time.ts'
import { down, fieldOf, up, verb } from './command.ts'
import { runHttpLoad, startSmallOrigin, type LoadResult } from './http-load.ts'
import { median } from './median.ts'
import type { ChildProcess } from 'node:child_process'

/** One kind of load, in turns on the service itself and through the proxy. */
interface LoadCost {
  direct: LoadResult[]
  proxied: LoadResult[]
  addedP50Ms: number
  addedP99Ms: number
}

/** What the HTTP proxy adds to a request: 64 clients that keep their connections, two nodes on one machine. */
export interface ProxyCost {
  /** Each client asks ten times a second: what a request takes where nobody waits for a processor. */
  paced: LoadCost
  /** Each client asks as soon as it has its answer: then all of them wait for the processor, and times are its price. */
  flood: LoadCost
  /** Processor time of a proxied request of the flood, in microseconds. */
  cpuUs: { proxying: number; serving: number }
}

const clients = 64
const roundMs = 2_000
const pacedEveryMs = 100

const ms = (value: number): string => `${value.toFixed(2)} ms`.padStart(10)
const mid = (results: LoadResult[], of: (one: LoadResult) => number): number => median(results.map(of))

const errorsOf = ({ direct, proxied }: LoadCost): number =>
  [...direct, ...proxied].reduce((sum, one) => sum + one.errors.length, 0)

const loadTable = (title: string, { direct, proxied, addedP50Ms, addedP99Ms }: LoadCost): string[] => [
  `${title.padEnd(26)}        p50        p99   requests/s`,
  ...[
    { name: 'direct', results: direct },
    { name: 'proxied', results: proxied }
  ].map(({ name, results }) => {
    const rate = mid(results, (one) => one.requests / (roundMs / 1_000)).toFixed(0)
    return `  ${name.padEnd(24)} ${ms(mid(results, (one) => one.p50Ms))} ${ms(mid(results, (one) => one.p99Ms))} ${rate.padStart(12)}`
  }),
  `  ${'added'.padEnd(24)} ${ms(addedP50Ms)} ${ms(addedP99Ms)}`
]

/** Lines for people. */
export const proxyTable = ({ paced, flood, cpuUs }: ProxyCost): string[] => [
  ...loadTable(`http, ${clients} clients, ${1_000 / pacedEveryMs}/s each`, paced),
  ...loadTable(`http, ${clients} clients, flooding`, flood),
  `processor time of a request, flooding: proxying node ${cpuUs.proxying.toFixed(0)} us, serving node ${cpuUs.serving.toFixed(0)} us`,
  `errors ${errorsOf(paced) + errorsOf(flood)}`
]

const noResults = (): LoadResult[] => []

const costOf = (direct: LoadResult[], proxied: LoadResult[]): LoadCost => ({
  direct,
  proxied,
  addedP50Ms: mid(proxied, (one) => one.p50Ms) - mid(direct, (one) => one.p50Ms),
  addedP99Ms: mid(proxied, (one) => one.p99Ms) - mid(direct, (one) => one.p99Ms)
})

/** Measures in turns, so that what else the machine does falls on both alike. */
export const measureProxy = async (rounds: number): Promise<ProxyCost> => {
  const scratch = await mkdtemp(join(tmpdir(), 'mesh-bench-'))
  const [alice, bob] = [join(scratch, 'alice'), join(scratch, 'bob')]
  const nodes: ChildProcess[] = []
  const { server, port } = await startSmallOrigin()
  try {
    await verb(alice, 'network', 'create', '--name', 'alice')
    nodes.push(await up(alice))
    await verb(bob, 'join', fieldOf(await verb(alice, 'invite'), 'ticket'), '--name', 'bob')
    nodes.push(await up(bob))
    await verb(alice, 'serve', `web=http://127.0.0.1:${port}`)
    const listen = fieldOf(await verb(bob, 'proxy', '--http', '127.0.0.1:0'), 'proxies', '0', 'listen')
    const proxy = { port: Number(listen.split(':')[1]), path: 'http://web.alice.mesh/', host: 'web.alice.mesh' }
    const origin = { port, path: '/', host: '127.0.0.1' }
    await runHttpLoad({ ...proxy, clients, ms: roundMs })
    const seen = { pacedDirect: noResults(), pacedProxied: noResults(), direct: noResults(), proxied: noResults() }
    const cpuMs = nodes.map(() => 0)
    for (let round = 0; round < rounds; round++) {
      const paced = { clients, ms: roundMs, everyMs: pacedEveryMs }
      seen.pacedDirect.push(await runHttpLoad({ ...origin, ...paced }))
      seen.pacedProxied.push(await runHttpLoad({ ...proxy, ...paced }))
      seen.direct.push(await runHttpLoad({ ...origin, clients, ms: roundMs }))
      const before = nodes.map(({ pid = 0 }) => cpuTimeMs(pid))
      seen.proxied.push(await runHttpLoad({ ...proxy, clients, ms: roundMs }))
      for (const [i, { pid = 0 }] of nodes.entries()) cpuMs[i] = (cpuMs[i] ?? 0) + cpuTimeMs(pid) - (before[i] ?? 0)
    }
    const requests = seen.proxied.reduce((sum, one) => sum + one.requests, 0)
    const [serving = Number.NaN, proxying = Number.NaN] = cpuMs.map((one) => (one * 1_000) / requests)
    return {
      paced: costOf(seen.pacedDirect, seen.pacedProxied),
      flood: costOf(seen.direct, seen.proxied),
      cpuUs: { proxying, serving }
    }
  } finally {
    await Promise.all(nodes.map(down))
    server.closeAllConnections()
    server.close()
    await rm(scratch, { recursive: true, force: true })
  }
}
