import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { limits, MeshError } from '@agent-mesh/wire'
import { answer, die, startAgents, type Agents } from './agents.ts'

let agents: Agents
beforeEach(async () => {
  agents = await startAgents()
})

interface Asking {
  method?: string
  path?: string
  host?: string
  body?: string | Buffer
  /** Its connection is kept for the next one. */
  client?: Agent
}

const ask = async ({ method = 'GET', path = '/x', host = 'answers.cap.mesh', body, client }: Asking = {}) => {
  const outgoing = request({
    host: '127.0.0.1',
    port: agents.port,
    method,
    path: `http://${host}${path}`,
    headers: { Host: host, ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }) },
    ...(client === undefined ? { agent: false } : { agent: client })
  }).end(body)
  const [response]: IncomingMessage[] = await once(outgoing, 'response')
  if (response === undefined) throw new Error('no response')
  let text = ''
  for await (const part of response) text += String(part)
  const status = response.headers['proxy-status']
  return {
    status: response.statusCode,
    text,
    servedBy: response.headers['mesh-served-by'],
    /** Members of Proxy-Status. */
    tried: typeof status === 'string' ? status.split(', mesh-node').length : 0,
    proxyStatus: status
  }
}

const oneClient = (): Agent => new Agent({ keepAlive: true, maxSockets: 1 })
const seen = (): string =>
  agents.all.map(({ name, seen: all }) => (all.length === 0 ? '' : `${name}${all.length}`)).join('')

describe('a request to a capability', () => {
  it('whose agent dies before a byte of an answer is answered by another, and tells of both', async () => {
    agents.a.behave = die
    expect(await ask()).toEqual({
      status: 200,
      text: 'b /x',
      servedBy: '"b";service="web"',
      tried: 2,
      proxyStatus: expect.stringMatching(
        /^mesh-node; error=connection_terminated; next-hop="a"; details="tunnel: TUNNEL_RESET", mesh-node; next-hop="b"; received-status=200$/
      )
    })
    expect(seen()).toBe('a1b1')
    expect(agents.events).toMatchObject([
      { event: 'proxy:listening' },
      { event: 'proxy:repeated', why: 'repeat', peerId: 'a', code: 'TUNNEL_RESET', target: 'cap:test/answers' }
    ])
  })

  it.each(['POST', 'PATCH', 'PROPFIND'])('%s is sent to one agent, whatever becomes of it', async (method) => {
    agents.a.behave = die
    expect(await ask({ method, body: 'once' })).toMatchObject({ status: 502, tried: 1 })
    expect(seen()).toBe('a1')
  })

  it('moves on where nothing was opened, POST included, and says what it met', async () => {
    agents.a.refusal = new MeshError('UNREACHABLE', 'a is away.')
    agents.b.refusal = new MeshError('UPSTREAM_REFUSED', 'b refuses.')
    agents.c.refusal = new MeshError('UNREACHABLE', 'c is away.')
    expect(await ask({ method: 'POST', body: 'never' })).toMatchObject({ status: 503, tried: 3 })
    agents.c.refusal = undefined
    expect(await ask({ method: 'POST', body: 'once' })).toMatchObject({
      text: 'c /x',
      tried: 3,
      proxyStatus: expect.stringMatching(/destination_unavailable; next-hop="a".*connection_refused; next-hop="b"/)
    })
    expect(agents.c.seen).toEqual(['POST /x once'])
  })

  it('does not wait for an agent that neither opens nor refuses, while there are others', async () => {
    agents.a.refusal = new MeshError('TIMEOUT')
    const startedMs = performance.now()
    expect(await ask({ method: 'POST', body: 'once' })).toMatchObject({ text: 'b /x', tried: 2 })
    expect(performance.now() - startedMs).toBeGreaterThan(limits.candidateOpenMs - 50)
  })

  it('is sent to so many further agents and to none beyond', async () => {
    agents.d.isOffered = true
    for (const agent of agents.all) agent.behave = die
    expect(await ask()).toMatchObject({ status: 502, tried: 1 + limits.furtherAgents })
    expect(seen()).toBe('a1b1c1')
    expect(agents.events.at(-2)).toMatchObject({ event: 'proxy:withheld', why: 'agents', peerId: 'c' })
  })

  it('is not repeated after a byte of an answer', async () => {
    agents.a.behave = ({ socket }) => socket.end('HTTP/1.1 2')
    expect(await ask()).toMatchObject({ status: 502, tried: 1 })
    agents.b.behave = ({ socket }) => {
      socket.write('HTTP/1.1 103 Early Hints\r\n\r\n')
      setTimeout(() => socket.resetAndDestroy(), 20)
    }
    expect(await ask()).toMatchObject({ status: 502, tried: 1 })
    expect(seen()).toBe('a1b1')
  })

  it('is cut where its answer is cut', async () => {
    agents.a.behave = ({ response, socket }) => {
      response.write('half')
      setTimeout(() => socket.resetAndDestroy(), 20)
    }
    await expect(ask()).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(seen()).toBe('a1')
  })

  it.each(['PUT', 'DELETE'])('%s with a body that is kept carries it to the next one', async (method) => {
    agents.a.behave = die
    const body = 'x'.repeat(limits.proxyKeptBodyBytes)
    expect(await ask({ method, body })).toMatchObject({ text: 'b /x', tried: 2 })
    expect(agents.b.seen).toEqual([`${method} /x ${body}`])
  })

  it('PUT in chunks and with trailers too', async () => {
    agents.a.behave = die
    const trailers: string[][] = []
    agents.b.behave = ({ request: asked, response }) => {
      trailers.push(asked.rawTrailers)
      response.end('b')
    }
    const outgoing = request({
      host: '127.0.0.1',
      port: agents.port,
      agent: false,
      method: 'PUT',
      path: 'http://answers.cap.mesh/',
      headers: { Host: 'answers.cap.mesh', 'Transfer-Encoding': 'chunked', Trailer: 'X-Sum' }
    })
    outgoing.write('one ')
    outgoing.addTrailers([['X-Sum', '2']])
    outgoing.end('two')
    const [response]: IncomingMessage[] = await once(outgoing, 'response')
    expect(response?.statusCode).toBe(200)
    response?.resume()
    expect([agents.b.seen, trailers]).toEqual([['PUT / one two'], [['X-Sum', '2']]])
  })

  it('PUT with one byte more is not repeated', async () => {
    agents.a.behave = die
    const body = 'x'.repeat(limits.proxyKeptBodyBytes + 1)
    expect(await ask({ method: 'PUT', body })).toMatchObject({ status: 502, tried: 1 })
    expect(seen()).toBe('a1')
  })

  it('PUT whose agent dies in the middle of it goes on to the next one', async () => {
    agents.a.onHead = ({ socket }) => socket.resetAndDestroy()
    const outgoing = request({
      host: '127.0.0.1',
      port: agents.port,
      agent: false,
      method: 'PUT',
      path: 'http://answers.cap.mesh/',
      headers: { Host: 'answers.cap.mesh', 'Content-Length': 8 }
    })
    const reached = vi.fn()
    agents.b.onHead = reached
    outgoing.write('half')
    await vi.waitFor(() => expect(reached).toHaveBeenCalled())
    outgoing.end('more')
    await once(outgoing, 'response')
    expect(agents.b.seen).toEqual(['PUT / halfmore'])
  })

  it('whose used tunnel was closed by its service goes to the same agent again', async () => {
    const client = oneClient()
    expect(await ask({ client })).toMatchObject({ text: 'a /x', tried: 0 })
    agents.a.behave = ({ socket }) => {
      agents.a.behave = answer(agents.a)
      socket.end()
    }
    expect(await ask({ client })).toMatchObject({ text: 'a /x', tried: 0 })
    expect([seen(), agents.events.at(-1)]).toMatchObject(['a3', { event: 'proxy:repeated', why: 'stale' }])
    client.destroy()
  })

  it('goes to the agent that its client is used to, as long as that one is well', async () => {
    const client = oneClient()
    agents.a.refusal = new MeshError('UNREACHABLE')
    expect(await ask({ client })).toMatchObject({ text: 'b /x' })
    agents.a.refusal = undefined
    await new Promise((resolve) => setTimeout(resolve, 2_100))
    for (let i = 0; i < 3; i++) expect(await ask({ client })).toMatchObject({ text: 'b /x' })
    expect(await ask()).toMatchObject({ text: 'a /x' })
    agents.b.isGood = false
    expect(await ask({ client })).toMatchObject({ text: 'a /x' })
    agents.b.isGood = true
    expect(await ask({ client })).toMatchObject({ text: 'a /x' })
    agents.a.behave = die
    expect(await ask({ client })).toMatchObject({ text: 'b /x', tried: 2 })
    expect(await ask({ client })).toMatchObject({ text: 'b /x', tried: 0 })
    client.destroy()
  })

  it('is not repeated once too many were', async () => {
    for (const agent of agents.all) agent.behave = die
    const rounds = limits.repeatsSaved
    for (let i = 0; i < rounds; i += 16) await Promise.all(Array.from({ length: 16 }, () => ask()))
    const copies = agents.all.reduce((sum, { seen: all }) => sum + all.length, 0)
    expect(copies).toBeGreaterThan(rounds * 1.5)
    // Saved up, a share of all, and a little for each second that the machine took for it.
    expect(copies).toBeLessThan(rounds + limits.repeatsSaved + (rounds * limits.repeatsPercent) / 100 + 200)
    expect(agents.events.some((event) => event.event === 'proxy:withheld' && event.why === 'budget')).toBe(true)
  })

  it('to an agent by its name is never sent to another one', async () => {
    agents.a.behave = die
    expect(await ask({ host: 'a.mesh' })).toMatchObject({ status: 502, tried: 1 })
    expect(seen()).toBe('a1')
  })

  it('ends with its client', async () => {
    agents.a.behave = () => {}
    const outgoing = request({
      host: '127.0.0.1',
      port: agents.port,
      agent: false,
      path: 'http://answers.cap.mesh/'
    }).end()
    outgoing.on('error', () => {})
    await vi.waitFor(() => expect(seen()).toBe('a1'))
    outgoing.destroy()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(seen()).toBe('a1')
    expect(agents.events.map(({ event }) => event)).toEqual(['proxy:listening'])
  })
})

/** Saves up hedges, and keeps tunnels waiting. */
const warm = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await ask()
}

describe('with a hedge', () => {
  beforeEach(async () => {
    agents = await startAgents({ hedge: '60ms' })
  })
  it('a slow agent has another one asked, whose answer counts, and is told that its own does not', async () => {
    await warm(1)
    const cut = Promise.withResolvers<void>()
    agents.a.behave = ({ socket }) => socket.once('close', () => cut.resolve())
    const client = oneClient()
    expect(await ask({ client })).toMatchObject({ text: 'b /x', servedBy: '"b";service="web"' })
    await cut.promise
    expect(agents.events.at(-1)).toMatchObject({ event: 'proxy:hedged', winner: 'second' })
    client.destroy()
  })

  it('a request that may do a thing twice, or has a body, is not', async () => {
    await warm(20)
    agents.a.behave = ({ response }) => setTimeout(() => response.end('late'), 150)
    expect(await ask({ method: 'POST' })).toMatchObject({ text: 'late' })
    expect(await ask({ method: 'PUT', body: 'x' })).toMatchObject({ text: 'late' })
    expect(seen()).toBe('a22')
  })

  it('no more than its share of the requests is sent twice', async () => {
    for (const agent of agents.all) agent.behave = ({ response }) => setTimeout(() => response.end(agent.name), 120)
    const rounds = 96
    for (let i = 0; i < rounds; i += 16) await Promise.all(Array.from({ length: 16 }, () => ask()))
    const copies = agents.all.reduce((sum, { seen: all }) => sum + all.length, 0)
    expect(copies).toBeGreaterThan(rounds)
    expect(copies).toBeLessThanOrEqual(rounds + 1 + (rounds * limits.hedgesPercent) / 100)
  })

  it('what fails while the other one is under way is waited for', async () => {
    await warm(20)
    agents.a.behave = ({ socket }) => setTimeout(() => socket.resetAndDestroy(), 120)
    agents.b.behave = ({ response }) => setTimeout(() => response.end('b'), 150)
    expect(await ask()).toMatchObject({ text: 'b', tried: 2 })
  })
})
