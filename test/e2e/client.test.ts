import { once } from 'node:events'
import { createServer, get, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Metadata, status, type StatusObject } from '@grpc/grpc-js'
import { request } from 'undici'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { createClient } from '@agent-mesh/client'
import { createHttpAgent, servedBy } from '@agent-mesh/client/http'
import { createDispatcher, createFetch, type MeshFetch } from '@agent-mesh/client/undici'
import { grpcChannel } from '@agent-mesh/client/grpc'
import { toBase36 } from '@agent-mesh/wire'
import { onCleanup } from './harness/cleanup.ts'
import { connectGrpcTo, outcomeOf, type AgentClient } from './harness/grpc-client.ts'
import { createMesh, waitForPeers } from './harness/mesh.ts'
import { startGrpcOrigin } from './harness/origins/grpc-origin.ts'
import { startHttpOrigin, type HttpOrigin } from './harness/origins/http-origin.ts'
import { echoBytes, greetThenListen, startTcpOrigin } from './harness/origins/tcp-origin.ts'
import { seededSha256, seededStream } from './harness/seeded-bytes.ts'
import type { MeshProcess } from './harness/mesh-process.ts'

let alice: MeshProcess
let bob: MeshProcess
let agents: MeshProcess[]
let origin: HttpOrigin
let fetch: MeshFetch
const said: string[] = []

/** One HTTP service; it holds what asks for `/hold` until the test lets go of it, and lies of itself. */
class HeldService {
  readonly name: string
  readonly seen: string[] = []
  isHolding = true
  port = 0

  constructor(name: string) {
    this.name = name
  }

  async start(): Promise<this> {
    const server = createServer((incoming, response) => this.#answer(incoming, response)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onCleanup(() => {
      server.closeAllConnections()
      server.close()
    })
    const address = server.address()
    this.port = typeof address === 'object' && address !== null ? address.port : 0
    return this
  }

  #answer({ method, url }: IncomingMessage, response: ServerResponse): void {
    this.seen.push(`${method} ${url}`)
    if (url === '/hold' && this.isHolding) return
    response.setHeader('Mesh-Served-By', 'forged')
    response.end(this.name)
  }
}

const responseOf = (asked: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    asked.once('response', resolve).once('error', reject)
  })

const grpc = (host: string): AgentClient => {
  const { target, options } = grpcChannel(bob.client, host)
  return connectGrpcTo(target, options)
}

beforeAll(async () => {
  const mesh = await createMesh({ members: ['alice', 'bob', 'carol', 'dave'] })
  ;({ alice, bob } = mesh)
  agents = [alice, mesh.carol, mesh.dave]
  await waitForPeers([bob], 3)
  origin = await startHttpOrigin('alice-web')
  await alice.serve(`web=http://127.0.0.1:${origin.port}`, 'x-test/web')
  await alice.serve(`words=grpc://127.0.0.1:${(await startGrpcOrigin('alice-grpc')).port}`)
  await alice.serve(`echo=tcp://127.0.0.1:${(await startTcpOrigin('alice-echo', echoBytes)).port}`)
  await alice.serve(`greeter=tcp://127.0.0.1:${(await startTcpOrigin('alice', greetThenListen(said))).port}`)
  await alice.serve('nobody=http://127.0.0.1:1')
  fetch = createFetch(createClient({ stateDir: bob.stateDir }))
  onCleanup(() => fetch.close())
})

describe('fetch', () => {
  it.each([
    ['a service', () => 'web.alice.mesh'],
    ['a peer id', () => `web.${toBase36(alice.peerId)}.mesh`],
    ['a capability', () => 'web.x-test.cap.mesh'],
    ['the end of a capability', () => 'web.cap.mesh']
  ])('reaches %s and says who answered', async (_what, host) => {
    const response = await fetch(`http://${host()}/`)
    expect(await response.text()).toBe('alice-web\n')
    expect(response.headers.get('mesh-served-by')).toBe(`"${alice.peerId}";name="alice";service="web"`)
  })

  it('chooses as a proxy does where the service is left out, and says what there is to choose from', async () => {
    await expect(fetch('http://alice.mesh/')).rejects.toMatchObject({
      name: 'MeshError',
      code: 'TARGET_INVALID',
      details: { services: expect.arrayContaining(['web', 'nobody']) }
    })
  })

  it('gives an answer as it comes', async () => {
    const { body } = await fetch('http://web.alice.mesh/events?count=1000&interval=20')
    const first = await body?.getReader().read()
    expect(Buffer.from(first?.value ?? []).toString()).toContain('data: {"n":1}')
    await vi.waitFor(() => expect(origin.openEventStreams).toBe(1))
  })

  it('gives up with its signal, and the service learns of it', async () => {
    await vi.waitFor(() => expect(origin.openEventStreams).toBe(1))
    const giveUp = new AbortController()
    const response = await fetch('http://web.alice.mesh/events?count=1000&interval=20', { signal: giveUp.signal })
    giveUp.abort()
    await expect(response.text()).rejects.toMatchObject({ name: 'AbortError' })
    await vi.waitFor(() => expect(origin.openEventStreams).toBeLessThan(2), { timeout: 5_000 })
    await expect(fetch('http://web.alice.mesh/', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError'
    })
  })

  it('carries a body that is a stream', async () => {
    const sizeBytes = 16 * 1024 * 1024
    const body = Readable.toWeb(seededStream(3, sizeBytes))
    const init = { method: 'POST', body, duplex: 'half' } as const
    const answer: unknown = await (await fetch('http://web.alice.mesh/echo', init)).json()
    expect(answer).toMatchObject({ method: 'POST', sizeBytes, sha256: seededSha256(3, sizeBytes), framing: 'chunked' })
  })

  it('takes what the platform calls a request and a form', async () => {
    const asked = new Request('http://web.alice.mesh/echo', { method: 'PUT', body: 'four' })
    expect(await (await fetch(asked)).json()).toMatchObject({ method: 'PUT', sizeBytes: 4 })
    const body = new FormData()
    body.append('field', 'value')
    body.append('file', new Blob(['content']), 'a.txt')
    const answer = await fetch('http://web.alice.mesh/echo', { method: 'POST', body, headers: { 'x-a': 'b' } })
    expect(await answer.json()).toMatchObject({ sizeBytes: expect.toSatisfy((size: number) => size > 200) })
  })

  it.each([
    ['http://web.nobody.mesh/', 'NAME_UNKNOWN'],
    ['http://example.com/', 'NAME_OUTSIDE'],
    ['http://nobody.alice.mesh/', 'UPSTREAM_REFUSED'],
    ['http://void.alice.mesh/', 'SERVICE_UNKNOWN'],
    ['https://web.alice.mesh/', 'USAGE']
  ])('of %s fails with %s', async (url, code) => {
    await expect(fetch(url)).rejects.toMatchObject({ name: 'MeshError', code })
  })

  it('names who answered each of many requests that wait for one tunnel', async () => {
    const one = createFetch(bob.client, { connections: 1 })
    const answers = await Promise.all(Array.from({ length: 20 }, () => one('http://web.alice.mesh/')))
    expect(answers.map(({ headers }) => headers.get('mesh-served-by')?.includes(alice.peerId))).toEqual(
      Array.from({ length: 20 }, () => true)
    )
    expect(
      answers.map(({ headers }) => Number(headers.get('x-request-of-connection'))).toSorted((a, b) => a - b)
    ).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
    await one.close()
  })
})

describe('other ways in', () => {
  it('a dispatcher serves the rest of undici', async () => {
    const dispatcher = createDispatcher(bob.client)
    const { statusCode, headers, body } = await request('http://web.alice.mesh/', { dispatcher })
    expect([statusCode, await body.text(), headers['mesh-served-by']]).toEqual([
      200,
      'alice-web\n',
      `"${alice.peerId}";name="alice";service="web"`
    ])
    await dispatcher.close()
  })

  it('an http.Agent keeps a tunnel for the next request', async () => {
    const agent = createHttpAgent(bob.client, { keepAlive: true, maxSockets: 1, timeout: 20_000 })
    const ask = async (): Promise<Array<string | undefined>> => {
      const asked = get('http://web.alice.mesh/', { agent })
      const response = await responseOf(asked)
      const nth = response.headers['x-request-of-connection']
      return [await text(response), String(nth), servedBy(asked.socket)?.peerId]
    }
    expect([await ask(), await ask()]).toEqual([
      ['alice-web\n', '1', alice.peerId],
      ['alice-web\n', '2', alice.peerId]
    ])
    agent.destroy()
    const refused = get('http://web.nobody.mesh/', { agent: createHttpAgent(bob.client) })
    const [error] = await once(refused, 'error')
    expect(error).toMatchObject({ name: 'MeshError', code: 'NAME_UNKNOWN' })
  })

  it('grpc-js calls by name: headers, streams, trailers', async () => {
    const stub = grpc('alice.mesh')
    const call = stub.Split({ text: 'one two three' })
    const words: string[] = []
    call.on('data', ({ origin: by, text: word }) => words.push(`${by} ${word}`))
    const [ended] = await once(call, 'status')
    expect(words).toEqual(['alice-grpc one', 'alice-grpc two', 'alice-grpc three'])
    expect(outcomeOf(ended)).toMatchObject({ code: status.OK, trailers: { count: '3' } })
  })

  it('grpc-js is told that a name is not available, and does not wait for ever', async () => {
    const { promise, resolve } = Promise.withResolvers<number | undefined>()
    grpc('words.nobody.mesh').Upper({ text: 'x' }, new Metadata(), { deadline: Date.now() + 20_000 }, (err) =>
      resolve(err?.code)
    )
    expect(await promise).toBe(status.UNAVAILABLE)
  })

  it('a tunnel ends each direction by itself, and knows its other end', async () => {
    const tunnel = await bob.client.connect('alice/greeter')
    expect(tunnel).toMatchObject({ peerId: alice.peerId, name: 'alice', service: 'greeter', target: 'alice/greeter' })
    expect(await text(tunnel)).toBe('hello from alice')
    tunnel.end('said after the end')
    await vi.waitFor(() => expect(said).toEqual(['said after the end']))
  })

  it('a tunnel to a name alone is for what the port or the kind says', async () => {
    for (const options of [{ port: 50_051 }, { kind: 'grpc' }]) {
      const tunnel = await bob.client.connect('alice', options)
      expect([tunnel.service, tunnel.target]).toEqual(['words', 'alice/words'])
      tunnel.destroy()
    }
    await expect(bob.client.connect('alice', { port: 1234 })).rejects.toMatchObject({ code: 'TARGET_INVALID' })
    await expect(bob.client.connect('alice', { port: 70_000 })).rejects.toMatchObject({ code: 'USAGE' })
  })
})

describe('where an agent dies under a request', () => {
  const services: HeldService[] = []
  const nodeOf = ({ name }: HeldService): MeshProcess => {
    const node = agents.find((one) => one.name === name)
    if (node === undefined) throw new Error(`no node is called ${name}`)
    return node
  }

  beforeAll(async () => {
    for (const node of agents) {
      const service = await new HeldService(node.name).start()
      services.push(service)
      await node.serve(`held=http://127.0.0.1:${service.port}`, 'x-test/held')
    }
    await vi.waitFor(async () => expect(await bob.find('x-test/held')).toHaveLength(3), { timeout: 20_000 })
  })

  /** Kills whoever holds the request; nobody else holds any. @returns its service */
  const killHolder = async (line: string): Promise<HeldService> => {
    await vi.waitFor(() => expect(services.flatMap(({ seen }) => seen)).toContain(line), { timeout: 10_000 })
    const holder = services.find(({ seen }) => seen.includes(line))
    if (holder === undefined) throw new Error(`nobody saw ${line}`)
    for (const one of services) one.isHolding = one === holder
    await nodeOf(holder).kill()
    return holder
  }

  it('a POST fails with a code, and reaches no other', async () => {
    const posted = fetch('http://held.x-test.cap.mesh/hold', { method: 'POST', body: 'once' })
    const failed = expect(posted).rejects.toMatchObject({
      name: 'MeshError',
      layer: expect.stringMatching(/path|tunnel/)
    })
    await killHolder('POST /hold')
    await failed
    for (const one of services) one.isHolding = true
    expect(services.flatMap(({ seen }) => seen)).toEqual(['POST /hold'])
  })

  it('a GET that nobody has begun to answer is answered by another', async () => {
    const got = fetch('http://held.x-test.cap.mesh/hold')
    const holder = await killHolder('GET /hold')
    const response = await got
    const answerer = services.find(({ name, seen }) => name !== holder.name && seen.includes('GET /hold'))
    expect(await response.text()).toBe(answerer?.name)
    const { peerId } = nodeOf(answerer ?? holder)
    expect(response.headers.get('mesh-served-by')).toBe(`"${peerId}";name="${answerer?.name}";service="held"`)
    expect(services.flatMap(({ seen }) => seen.filter((one) => one === 'GET /hold'))).toHaveLength(2)
  })
})

describe('where the node itself is killed', () => {
  it('what is under way fails with a code, what comes later is told that no node runs, and nothing hangs', async () => {
    const agent = agents.find(({ isRunning }) => isRunning)
    if (agent === undefined) throw new Error('no agent is left')
    await agent.serve(`late=http://127.0.0.1:${(await startHttpOrigin('late')).port}`)
    await agent.serve(`calls=grpc://127.0.0.1:${(await startGrpcOrigin('late')).port}`)
    await agent.serve(`loop=tcp://127.0.0.1:${(await startTcpOrigin('loop', echoBytes)).port}`)
    const events = await fetch(`http://late.${agent.name}.mesh/events?count=1000&interval=20`)
    const stub = grpc(`calls.${agent.name}.mesh`)
    const stream = stub.Split({ text: 'one wait' })
    await once(stream, 'data')
    const tunnel = await bob.client.connect(`${agent.name}/loop`)
    tunnel.write('x')
    await once(tunnel, 'data')

    const cut = once(tunnel, 'error')
    stream.on('error', () => {})
    const ended = new Promise<StatusObject>((resolve) => {
      stream.once('status', resolve)
    })
    const body = expect(events.text()).rejects.toThrow()
    await bob.kill()
    await body
    expect((await cut)[0]).toMatchObject({ name: 'MeshError', code: 'CONNECTION_LOST' })
    expect(await ended).toMatchObject({ code: status.UNAVAILABLE })
    await expect(fetch(`http://late.${agent.name}.mesh/`)).rejects.toMatchObject({
      code: 'NO_DAEMON',
      hint: 'mesh-node up'
    })
    await expect(bob.client.connect(`${agent.name}/loop`)).rejects.toMatchObject({ code: 'NO_DAEMON' })
    const later = Promise.withResolvers<number | undefined>()
    stub.Upper({ text: 'x' }, new Metadata(), { deadline: Date.now() + 20_000 }, (err) => later.resolve(err?.code))
    expect(await later.promise).toBe(status.UNAVAILABLE)
  })
})
