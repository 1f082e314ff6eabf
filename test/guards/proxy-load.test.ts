/**
 * 64 clients that keep their connections ask an agent through the HTTP proxy without one error. The median that this
 * adds over asking it directly is printed; how large it may be depends on the machine, and the bench measures it.
 */
import { Agent, createServer, request } from 'node:http'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { proxiesResponse } from '@agent-mesh/wire/api'
import { listenLocally } from '../e2e/harness/local-server.ts'
import { createMesh } from '../e2e/harness/mesh.ts'
import { inForm } from './harness/form.ts'

const clients = 64
const loadMs = inForm({ short: 8_000, full: 60_000 })

interface Seen {
  times: number[]
  errors: string[]
}

const load = async (port: number, path: string, ms: number): Promise<Seen> => {
  const seen: Seen = { times: [], errors: [] }
  const until = performance.now() + ms
  const client = async (id: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let i = 0; performance.now() < until; i++) {
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
  seen.times.sort((a, b) => a - b)
  return seen
}

const at = ({ times }: Seen, part: number): number => times[Math.floor(times.length * part)] ?? Number.NaN

test('64 keep-alive clients through the HTTP proxy see no error', { timeout: loadMs + 120_000 }, async () => {
  const { alice, bob } = await createMesh({ members: ['alice', 'bob'] })
  const server = createServer((asked, response) => response.end(`alice ${asked.url}`))
  const origin = await listenLocally(server)
  await alice.serve(`web=http://127.0.0.1:${origin}`)
  const { proxies } = await bob.json(proxiesResponse, ['proxy', '--http', '127.0.0.1:0'])
  const port = Number(proxies[0]?.listen.split(':')[1])
  const direct = await load(origin, '/', Math.min(loadMs, 3_000))
  const proxied = await load(port, 'http://web.alice.mesh/', loadMs)
  const rates = `${proxied.times.length} requests in ${loadMs / 1_000} s`
  const added = [0.5, 0.99].map((part) => (at(proxied, part) - at(direct, part)).toFixed(2))
  process.stderr.write(`proxy-load: ${rates}; added p50 ${added[0]} ms, p99 ${added[1]} ms over direct\n`)
  expect([...direct.errors, ...proxied.errors]).toEqual([])
  expect(proxied.times.length).toBeGreaterThan(clients)
})
