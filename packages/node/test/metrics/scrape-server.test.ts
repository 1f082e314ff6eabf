import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { request, type OutgoingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { limits } from '@agent-mesh/wire'
import { configSchema } from '../../src/config/schema.ts'
import { startScrapeServer } from '../../src/metrics/scrape-server.ts'

const start = async (expose: (accept: string) => Promise<{ contentType: string; text: string }>) => {
  const failures: unknown[] = []
  const server = await startScrapeServer({
    host: '127.0.0.1',
    port: 0,
    hosts: ['agent.example'],
    expose,
    onFailed: (err) => failures.push(err)
  })
  onTestFinished(server.close)
  const port = Number(server.address.split(':').at(-1))
  const get = async (
    headers: OutgoingHttpHeaders = {},
    path = '/metrics',
    method = 'GET'
  ): Promise<{ status: number; type: string; body: string }> => {
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers, agent: false }).end()
    const [response] = await once(outgoing, 'response')
    return {
      status: response.statusCode,
      type: response.headers['content-type'],
      body: await text(response)
    }
  }
  return { get, port, failures }
}

const isConfigured = (metrics: unknown): boolean => configSchema.safeParse({ metrics }).success

const plain = async (): Promise<{ contentType: string; text: string }> => ({ contentType: 'text/plain', text: 'm 1\n' })

describe('the metrics over TCP', () => {
  it('are served to whoever calls by an address, localhost, or a name that was configured', async () => {
    const { get, port } = await start(plain)
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, 'agent.example', '10.0.0.7'])
      expect(await get({ host }), host).toEqual({ status: 200, type: 'text/plain', body: 'm 1\n' })
  })

  it('are not served under a name that a page may have pointed here, nor to a page', async () => {
    const { get, port } = await start(plain)
    expect((await get({ host: `evil.example:${port}` })).status).toBe(421)
    expect((await get({ host: 'agent.example.evil.example' })).status).toBe(421)
    expect((await get({ origin: 'http://127.0.0.1' })).status).toBe(403)
  })

  it('are all that is there', async () => {
    const { get } = await start(plain)
    expect((await get({}, '/v1/status')).status).toBe(404)
    expect((await get({}, '/metrics', 'POST')).status).toBe(405)
  })

  it('are in the format that is accepted', async () => {
    const { get } = await start(async (accept) => ({ contentType: accept, text: '' }))
    expect((await get({ accept: 'application/openmetrics-text' })).type).toBe('application/openmetrics-text')
  })

  it('are read once for all who ask at once', async () => {
    let reads = 0
    const { port } = await start(async () => {
      reads++
      await new Promise(setImmediate) // what came in one packet has been parsed by then
      return plain()
    })
    const socket = connect({ host: '127.0.0.1', port })
    const head = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n'
    socket.write(`${head}\r\n${head}\r\n${head}Connection: close\r\n\r\n`)
    expect((await text(socket)).match(/200 OK/g)).toHaveLength(3)
    expect(reads).toBe(1)
  })

  it('tell of a failure, and go on', async () => {
    let isBroken = true
    const { get, failures } = await start(async () => {
      if (isBroken) throw new Error('a room is gone')
      return plain()
    })
    expect((await get()).status).toBe(500)
    expect(failures).toHaveLength(1)
    isBroken = false
    expect((await get()).status).toBe(200)
  })

  it('refuse one connection too many', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const { get } = await start(async () => {
      await gate
      return plain()
    })
    const waiting = Array.from({ length: limits.scrapeConnections }, async () => get())
    await expect
      .poll(
        async () =>
          get().then(
            () => 'served',
            () => 'cut'
          ),
        { timeout: 5_000 }
      )
      .toBe('cut')
    open()
    expect((await Promise.all(waiting)).map(({ status }) => status)).not.toContain(500)
  })

  it('say what is wrong with an address that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await expect(
      startScrapeServer({ host: '127.0.0.1', port, hosts: [], expose: plain, onFailed: () => {} })
    ).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' })
  })
})

describe('metrics.listen', () => {
  it('is an address of this machine alone, unless that is allowed', () => {
    for (const listen of ['127.0.0.1:9464', '[::1]:9464', 'localhost:0', '127.8.9.1:1'])
      expect(isConfigured({ listen }), listen).toBe(true)
    for (const listen of ['0.0.0.0:9464', '10.0.0.1:9464', '[::]:9464']) {
      expect(isConfigured({ listen }), listen).toBe(false)
      expect(isConfigured({ listen, allow_remote: true }), listen).toBe(true)
    }
  })

  it('is no name and no path, and takes so many names and no more', () => {
    for (const listen of ['agent.example:9464', 'unix:/tmp/x', '9464', '127.0.0.1', '127.evil:1'])
      expect(isConfigured({ listen }), listen).toBe(false)
    const names = Array.from({ length: limits.scrapeHosts + 1 }, (_, n) => `h${n}`)
    expect(isConfigured({ hosts: names.slice(1) })).toBe(true)
    expect(isConfigured({ hosts: names })).toBe(false)
  })
})
