/**
 * 64 clients that keep their connections ask an agent through the HTTP proxy without one error. Half of the time each asks
 * ten times a second, half of it as soon as it has its answer. What this adds over asking it directly, in turns in the
 * same run, is printed; how large it may be depends on the machine, and the bench measures it.
 */
import { Agent, createServer, request } from 'node:http'
import { once } from 'node:events'
import { loadavg } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { proxiesResponse } from '@agent-mesh/wire/api'
import { listenLocally } from '../e2e/harness/local-server.ts'
import { createMesh } from '../e2e/harness/mesh.ts'
import { inForm } from './harness/form.ts'

const clients = 64
const pacedEveryMs = 100
const roundMs = 2_000
/** Half of them of each kind. */
const rounds = inForm({ short: 4, full: 30 })

interface Seen {
  times: number[]
  errors: string[]
}

interface Load {
  port: number
  path: string
  ms: number
  everyMs: number
}

const load = async ({ port, path, ms, everyMs }: Load, seen: Seen): Promise<void> => {
  const from = performance.now()
  const client = async (id: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let i = 0; performance.now() < from + ms; i++) {
      const due = from + everyMs * (i + id / clients)
      if (everyMs > 0 && due > performance.now()) await wait(due - performance.now())
      const began = performance.now()
      const asked = `${id}-${i}`
      try {
        const outgoing = request({ agent, host: '127.0.0.1', port, path: `${path}${asked}` }).end()
        const [response] = await once(outgoing, 'response')
        let body = ''
        for await (const part of response) body += String(part)
        if (body !== `alice /${asked}`) throw new Error(`${response.statusCode}: ${body.slice(0, 200)}`)
        seen.times.push(performance.now() - began)
      } catch (err) {
        seen.errors.push(String(err))
      }
    }
    agent.destroy()
  }
  await Promise.all(Array.from({ length: clients }, (_, id) => client(id)))
}

const at = ({ times }: Seen, part: number): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * part)] ?? Number.NaN

test('64 keep-alive clients through the HTTP proxy see no error', { timeout: 300_000 }, async () => {
  const { alice, bob } = await createMesh({ members: ['alice', 'bob'] })
  const server = createServer((asked, response) => response.end(`alice ${asked.url}`))
  const origin = await listenLocally(server)
  await alice.serve(`web=http://127.0.0.1:${origin}`)
  const { proxies } = await bob.json(proxiesResponse, ['proxy', '--http', '127.0.0.1:0'])
  const port = Number(proxies[0]?.listen.split(':')[1])
  for (const [kind, everyMs] of [
    ['ten a second each', pacedEveryMs],
    ['as fast as they can', 0]
  ] as const) {
    const direct: Seen = { times: [], errors: [] }
    const proxied: Seen = { times: [], errors: [] }
    for (let round = 0; round < rounds / 2; round++) {
      await load({ port: origin, path: '/', ms: roundMs / 2, everyMs }, direct)
      await load({ port, path: 'http://web.alice.mesh/', ms: roundMs, everyMs }, proxied)
    }
    const added = [0.5, 0.99].map((part) => (at(proxied, part) - at(direct, part)).toFixed(2))
    const seconds = ((rounds / 2) * roundMs) / 1_000
    process.stderr.write(
      `proxy-load: ${kind}: ${proxied.times.length} requests in ${seconds} s, load ${loadavg()[0]?.toFixed(1)}; ` +
        `added p50 ${added[0]} ms, p99 ${added[1]} ms over direct\n`
    )
    expect([...direct.errors, ...proxied.errors]).toEqual([])
    expect(proxied.times.length).toBeGreaterThan(clients)
  }
})
