/**
 * An agent that dies under 1,000 GETs to a capability costs none of them that had no byte of an answer, and of 1,000 POSTs
 * none reaches two agents. Three agents as real processes; the one that serves is killed, and in the whole form stopped
 * too, which is a death that nobody is told of. Each service writes down what it was asked, and answers in two parts, so
 * that some answers have begun when their agent dies: those are reset, and counted apart.
 */
import { once } from 'node:events'
import { Agent, createServer, request, type IncomingMessage } from 'node:http'
import { beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { proxiesResponse } from '@agent-mesh/wire/api'
import { onCleanup } from '../e2e/harness/cleanup.ts'
import { createMesh } from '../e2e/harness/mesh.ts'
import { MeshProcess } from '../e2e/harness/mesh-process.ts'
import { inForm } from './harness/form.ts'

const requests = 1_000
const clients = 16
const capability = 'test/answers'
const names = ['anna', 'ben', 'cleo'] as const
const deaths = inForm<NodeJS.Signals[]>({ short: ['SIGKILL'], full: ['SIGKILL', 'SIGSTOP'] })
/** From the request to the head of its answer, and from there to its end. */
const servedMs = 15

let caller: MeshProcess
let proxyPort: number
const agents = new Map<string, MeshProcess>()
const dead: MeshProcess[] = []
/** By request id: names of the agents whose services it reached. */
const reached = new Map<string, string[]>()

const startOrigin = async (name: string): Promise<number> => {
  const server = createServer((asked, response) => {
    const id = asked.url ?? ''
    reached.set(id, [...(reached.get(id) ?? []), name])
    asked.resume()
    setTimeout(() => {
      response.write(`${name} `)
      setTimeout(() => response.end(id), servedMs)
    }, servedMs)
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onCleanup(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the origin has no port')
  return address.port
}

beforeAll(async () => {
  const mesh = await createMesh({ members: ['caller', ...names] })
  caller = mesh.caller
  for (const name of names) {
    agents.set(name, mesh[name])
    await mesh[name].serve(`web=http://127.0.0.1:${await startOrigin(name)}`, capability)
  }
  const { proxies } = await caller.json(proxiesResponse, ['proxy', '--http', '127.0.0.1:0'])
  proxyPort = Number(proxies[0]?.listen.split(':')[1])
  await untilAllAreFound()
}, 180_000)

/** Whoever died is there again. */
beforeEach(async () => {
  for (const victim of dead.splice(0)) {
    await victim.kill()
    agents.set(victim.name, await MeshProcess.up(victim.stateDir))
    await untilAllAreFound()
  }
}, 120_000)

/** All of them answer. */
const untilAllAreFound = async (): Promise<void> => {
  await vi.waitFor(
    async () => {
      const found = await caller.find(capability)
      expect(new Set(found.map(({ name }) => name))).toEqual(new Set(names))
      for (const name of names) {
        const probe = await ask(new Agent(), 'GET', `/probe-${name}`, `web.${name}.mesh`)
        expect(probe).toMatchObject({ result: 'answered', servedBy: name })
      }
    },
    { timeout: 60_000, interval: 250 }
  )
}

interface Outcome {
  id: string
  client: number
  startedMs: number
  tookMs: number
  /** `cut`: after the head of its answer had come. */
  result: 'answered' | 'cut' | 'failed'
  servedBy?: string
  /** Attempts that `Proxy-Status` tells of. */
  attempts: number
  why?: string
}

const nameOf = (header: string | string[] | undefined): string | undefined =>
  typeof header === 'string' ? /;name="([a-z]+)"/.exec(header)?.[1] : undefined

const ask = async (
  agent: Agent,
  method: string,
  id: string,
  host = 'answers.cap.mesh'
): Promise<Omit<Outcome, 'client' | 'startedMs' | 'tookMs'>> => {
  let response: IncomingMessage | undefined
  try {
    const outgoing = request({
      agent,
      host: '127.0.0.1',
      port: proxyPort,
      method,
      path: `http://${host}${id}`,
      headers: { Host: host },
      signal: AbortSignal.timeout(90_000)
    })
    outgoing.end(method === 'POST' ? `body of ${id}` : undefined)
    const [head]: IncomingMessage[] = await once(outgoing, 'response')
    response = head
    if (response === undefined) throw new Error('no response')
    let body = ''
    for await (const part of response) body += String(part)
    const servedBy = nameOf(response.headers['mesh-served-by'])
    const attempts = String(response.headers['proxy-status'] ?? '').split('mesh-node; ').length - 1
    if (response.statusCode !== 200 || servedBy === undefined)
      return { id, result: 'failed', attempts, why: `${response.statusCode}: ${body.slice(0, 300)}` }
    // Whoever is said to have answered is who did.
    expect(body).toBe(`${servedBy} ${id}`)
    return { id, result: 'answered', servedBy, attempts }
  } catch (err) {
    if (err instanceof Error && err.name === 'AssertionError') throw err
    return { id, result: response === undefined ? 'failed' : 'cut', attempts: 0, why: String(err) }
  }
}

/** All requests, by clients that keep their connections; in the middle the agent that serves one of them dies. */
const load = async (
  method: string,
  death: NodeJS.Signals
): Promise<{ outcomes: Outcome[]; victim: MeshProcess; diedMs: number }> => {
  const outcomes: Outcome[] = []
  let next = 0
  let victim: MeshProcess | undefined
  let diedMs = Infinity
  const client = async (index: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (next < requests) {
      const number = next++
      const startedMs = performance.now()
      const outcome = await ask(agent, method, `/${method}-${death}-${number}`)
      outcomes.push({ ...outcome, client: index, startedMs, tookMs: performance.now() - startedMs })
      if (number < requests / 3 || victim !== undefined || outcome.servedBy === undefined) continue
      victim = agents.get(outcome.servedBy)
      diedMs = performance.now()
      process.kill(victim?.pid ?? 0, death)
    }
    agent.destroy()
  }
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index)))
  if (victim === undefined) throw new Error('nobody died')
  dead.push(victim)
  return { outcomes, victim, diedMs }
}

const describe = (what: string, outcomes: Outcome[], victim: string, diedMs: number): string => {
  const count = (result: Outcome['result']): number => outcomes.filter((one) => one.result === result).length
  const inOrder = outcomes.toSorted((a, b) => a.startedMs - b.startedMs).filter(({ startedMs }) => startedMs < diedMs)
  const moves = [...Map.groupBy(inOrder, (one) => one.client).values()].reduce(
    (sum, all) => sum + all.filter((one, i) => i > 0 && one.servedBy !== all[i - 1]?.servedBy).length,
    0
  )
  const slowest = Math.max(...outcomes.map(({ tookMs }) => tookMs))
  const shares = Map.groupBy(inOrder, ({ servedBy = 'nobody' }) => servedBy)
  return (
    `${what} of ${victim}: ${count('answered')} answered, ${count('cut')} cut after a first byte, ${count('failed')} failed; ` +
    `${outcomes.filter(({ attempts }) => attempts > 1).length} by another agent than the first; slowest ${slowest.toFixed(0)} ms; ` +
    `before it ${[...shares].map(([name, all]) => `${name} ${all.length}`).join(', ')}, and ${moves} changes of the agent of a client\n`
  )
}

test.each(deaths)(
  '%s of the agent that serves costs no GET without a byte of an answer',
  { timeout: 240_000 },
  async (death) => {
    const { outcomes, victim, diedMs } = await load('GET', death)
    process.stderr.write(`failover-requests: GET: ${describe(death, outcomes, victim.name, diedMs)}`)
    expect(outcomes).toHaveLength(requests)
    expect(outcomes.filter(({ result }) => result === 'failed')).toEqual([])
    expect(outcomes.filter(({ result }) => result === 'cut').length).toBeLessThanOrEqual(clients)
    // The switch can be seen: clients that the dead one served are served by others, and nobody by it.
    const orphans = new Set(outcomes.filter((one) => one.servedBy === victim.name).map((one) => one.client))
    const later = outcomes.filter(
      (one) => one.startedMs > diedMs && orphans.has(one.client) && one.result === 'answered'
    )
    expect(later.length).toBeGreaterThan(0)
    expect(new Set(later.map(({ servedBy }) => servedBy)).has(victim.name)).toBe(false)
    expect(outcomes.filter(({ attempts }) => attempts > 1).length).toBeGreaterThan(0)
  }
)

test.each(deaths)('%s of the agent that serves brings no POST to two agents', { timeout: 240_000 }, async (death) => {
  const { outcomes, victim, diedMs } = await load('POST', death)
  process.stderr.write(`failover-requests: POST: ${describe(death, outcomes, victim.name, diedMs)}`)
  // What waits for one that was stopped is delivered when it goes on, or never.
  if (death === 'SIGSTOP') {
    process.kill(victim.pid, 'SIGCONT')
    await vi.waitFor(async () => expect((await victim.peers()).length).toBeGreaterThan(0), {
      timeout: 60_000,
      interval: 250
    })
  }
  expect(outcomes).toHaveLength(requests)
  for (const { id, result } of outcomes) {
    const by = reached.get(id) ?? []
    expect(by.length, `${id} reached ${by.join(' and ')}`).toBeLessThanOrEqual(1)
    if (result === 'answered') expect(by).toHaveLength(1)
  }
  // Each client had one request under way when it died.
  const lost = outcomes.filter(({ result }) => result !== 'answered')
  expect(lost.length).toBeLessThanOrEqual(clients)
})
